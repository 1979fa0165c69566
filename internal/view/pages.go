package view

import "tokenmeter/internal/report"

// LivePage puts a snapshot into words for the Live page.
func LivePage(s *report.Snapshot) Live { return Live{} }

// HistoryPage puts local days into words for the History page; s gives foot and banners.
func HistoryPage(d *report.DaysAnswer, s *report.Snapshot) History { return History{} }

// TrayItem puts a snapshot into words for the tray.
func TrayItem(s *report.Snapshot) Tray { return Tray{} }
