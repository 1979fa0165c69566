//go:build darwin || windows

package tray

import (
	"context"

	"fyne.io/systray"

	"tokenmeter/app/tray/icon"
	"tokenmeter/internal/core"
)

// run shows the item through the system's own loop. It returns when ctx ends.
func (t *tray) run(ctx context.Context) {
	systray.SetOnTapped(t.toggle)
	done := make(chan struct{})
	context.AfterFunc(ctx, systray.Quit)
	systray.Run(func() {
		defer close(done)
		t.core.SetTray(core.TrayShown)
		i := &item{}
		t.buildMenu(i)
		t.follow(ctx, i, panel)
	}, nil)
	<-ctx.Done()
	<-done
}

// showName sets title and tooltip and says whether they differ from before.
func (i *item) showName(c content) bool {
	did := false
	if c.Title != i.title {
		i.title, did = c.Title, true
		systray.SetTitle(c.Title) // Windows has none and ignores it
	}
	if c.Tooltip != i.tooltip {
		i.tooltip, did = c.Tooltip, true
		systray.SetTooltip(c.Tooltip)
	}
	return did
}

// showPicture sets the icon and says whether it differs from before.
func (i *item) showPicture(f icon.Face) bool {
	if i.drawn && f == i.face {
		return false
	}
	template, regular, err := encode(f)
	if err != nil {
		return false
	}
	i.face, i.drawn = f, true
	systray.SetTemplateIcon(template, regular)
	return true
}
