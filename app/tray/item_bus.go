//go:build !darwin && !windows

package tray

import (
	"context"
	"os"
	"strings"
	"sync"

	"fyne.io/systray"

	"tokenmeter/app/tray/icon"
	"tokenmeter/internal/core"
	"tokenmeter/internal/health"
	"tokenmeter/internal/platform"
)

// pictureSize is twice what panels show, and they scale down well.
const pictureSize = 48

// run shows the item on the session bus. It returns when ctx ends.
func (t *tray) run(ctx context.Context) {
	select {
	case <-t.watch(ctx):
	case <-ctx.Done():
		return
	}
	i := &item{}
	c := contentOf(t.core.Current())
	// What the item starts with has to be there before it does: its name becomes its
	// identity, and its left click keeps hosts from opening the menu instead.
	systray.SetTitle(appName)
	systray.SetTooltip(c.Tooltip)
	i.showPicture(icon.FaceOf(c.Ring, icon.Unsure))
	systray.SetOnTapped(t.toggle)
	t.buildMenu(i)
	start, _ := systray.RunWithExternalLoop(nil, nil)
	start()
	t.follow(ctx, i, icon.Unsure)
	// The item goes with this process. Ending it by the library's own call would panic
	// where the bus is gone already.
}

// watch follows the session bus in the background. The channel is closed when there is a tray
// host for the first time. Until then the item waits: the library would miss a host that
// comes in the moment in which it asks for one; later ones it follows by itself.
func (t *tray) watch(ctx context.Context) <-chan struct{} {
	there := make(chan struct{})
	// The library finds the bus there, and would start one of its own if it did not.
	if t.o.BusAddress == "" || os.Setenv("DBUS_SESSION_BUS_ADDRESS", t.o.BusAddress) != nil {
		t.none()
		return there
	}
	first := sync.OnceFunc(func() { close(there) })
	go func() {
		err := t.o.Watch(ctx, platform.Watching{
			TrayHost: func(present bool) {
				if !present {
					t.core.SetTray(core.TrayWaiting)
					t.lacks(health.NoTrayHost)
					return
				}
				t.core.SetTray(core.TrayShown)
				t.core.ClearFinding(health.NoTrayHost, "")
				first()
			},
			Appearance: func(a platform.Appearance) {
				switch a.Scheme {
				case platform.SchemeLight:
					t.setPanel(icon.Light)
				case platform.SchemeDark:
					t.setPanel(icon.Dark)
				default: // a dark desktop is not the only one that says nothing
					t.setPanel(icon.Unsure)
				}
			},
		})
		if err != nil && ctx.Err() == nil {
			t.none()
		}
	}()
	return there
}

// none: no item in the life of this process.
func (t *tray) none() {
	t.core.SetTray(core.TrayNone)
	t.core.ClearFinding(health.NoTrayHost, "")
	t.lacks(health.NoSessionBus)
}

// showName sets title and tooltip and says whether they differ from before.
func (i *item) showName(c content) bool {
	title := "Tokenmeter"
	if c.Title != "" {
		title += " " + c.Title
	}
	did := false
	if title != i.title {
		i.title, did = title, true
		systray.SetTitle(title)
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
	content, err := icon.PNG(icon.Draw(f, pictureSize))
	if err != nil {
		return false
	}
	i.face, i.drawn = f, true
	systray.SetIcon(content)
	return true
}

// escapeLabel: an underscore marks a key in menus on the bus, two are one that is shown.
func escapeLabel(text string) string { return strings.ReplaceAll(text, "_", "__") }
