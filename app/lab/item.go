//go:build linux

package lab

import (
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"
)

func (l *Lab) owned(name string) bool {
	var owned bool
	err := l.bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, name).Store(&owned)
	return err == nil && owned
}

// Item is a tray item as the panel sees it.
type Item struct {
	Owner  string // its name on the bus
	lab    *Lab
	object dbus.BusObject
}

// Items lists the registered tray items.
func (l *Lab) Items() []Item {
	watcher := l.bus.Object("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher")
	value, err := watcher.GetProperty("org.kde.StatusNotifierWatcher.RegisteredStatusNotifierItems")
	if err != nil {
		return nil
	}
	names, _ := value.Value().([]string)
	var list []Item
	for _, name := range names {
		owner, path, found := strings.Cut(name, "/")
		if !found {
			path = "StatusNotifierItem"
		}
		list = append(list, Item{owner, l, l.bus.Object(owner, dbus.ObjectPath("/"+path))})
	}
	return list
}

// ItemOf finds the tray item of a process.
func (l *Lab) ItemOf(pid int) (Item, bool) {
	for _, i := range l.Items() {
		var owner uint32
		err := l.bus.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, i.Owner).Store(&owner)
		if err == nil && int(owner) == pid {
			return i, true
		}
	}
	return Item{}, false
}

// Icon is the item's picture as bytes, "" if it has none.
func (i Item) Icon() string {
	value, err := i.object.GetProperty("org.kde.StatusNotifierItem.IconPixmap")
	if err != nil {
		return ""
	}
	var pictures []struct {
		Width, Height int32
		Pixels        []byte
	}
	if dbus.Store([]any{value.Value()}, &pictures) != nil || len(pictures) == 0 {
		return ""
	}
	return string(pictures[0].Pixels)
}

// Tooltip is the text that the panel shows beside the item.
func (i Item) Tooltip() string {
	value, err := i.object.GetProperty("org.kde.StatusNotifierItem.ToolTip")
	if err != nil {
		return ""
	}
	return fmt.Sprint(value.Value())
}

// LeftClick does what the panel does on a left click.
func (i Item) LeftClick() error {
	if err := i.object.Call("org.kde.StatusNotifierItem.Activate", 0, int32(0), int32(0)).Err; err != nil {
		return fmt.Errorf("left click: %w", err)
	}
	return nil
}

// Entry is a line of a menu.
type Entry struct {
	Label string
	id    int32
}

// Menu lists the item's menu, sub-menus behind their heading.
func (i Item) Menu() []Entry {
	value, err := i.object.GetProperty("org.kde.StatusNotifierItem.Menu")
	if err != nil {
		return nil
	}
	path, _ := value.Value().(dbus.ObjectPath)
	var revision uint32
	var root layout
	call := i.lab.bus.Object(i.Owner, path).Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{})
	if call.Store(&revision, &root) != nil {
		return nil
	}
	return root.entries(nil)
}

// Choose does what the panel does when a line of the menu is clicked.
func (i Item) Choose(label string) error {
	entries := i.Menu()
	for _, e := range entries {
		if e.Label != label {
			continue
		}
		value, err := i.object.GetProperty("org.kde.StatusNotifierItem.Menu")
		if err != nil {
			return fmt.Errorf("click %q: %w", label, err)
		}
		path, _ := value.Value().(dbus.ObjectPath)
		menu := i.lab.bus.Object(i.Owner, path)
		if err := menu.Call("com.canonical.dbusmenu.Event", 0, e.id, "clicked", dbus.MakeVariant(""), uint32(0)).Err; err != nil {
			return fmt.Errorf("click %q: %w", label, err)
		}
		return nil
	}
	return fmt.Errorf("the menu has no line %q: %q", label, entries)
}

type layout struct {
	ID         int32
	Properties map[string]dbus.Variant
	Children   []dbus.Variant
}

func (l layout) entries(list []Entry) []Entry {
	label, _ := l.Properties["label"].Value().(string)
	visible, given := l.Properties["visible"].Value().(bool)
	if label != "" && (visible || !given) {
		list = append(list, Entry{strings.ReplaceAll(label, "_", ""), l.ID})
	}
	for _, child := range l.Children {
		var below layout
		if dbus.Store([]any{child.Value()}, &below) == nil {
			list = below.entries(list)
		}
	}
	return list
}
