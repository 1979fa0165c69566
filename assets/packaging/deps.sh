#!/bin/bash
# Installs what building (`deps.sh build`) or testing (`deps.sh test`) needs and is not here.
# It looks first and calls the package manager only on a miss, through sudo only when not
# root. What it cannot install it names, with what to do, and exits 1.
set -u

# One row is one thing that is needed: the group, how to see that it is here, and its
# package on Debian and Ubuntu, Fedora, Arch, openSUSE ("-": comes with another row).
# Probes: command:NAME, library:PKG-CONFIG-NAME, header:NAME, archive:LIBRARY, file:GLOB[,GLOB].
table() {
  cat <<'ROWS'
make   command:make              make                  make                    make               make
build  command:clang             clang                 clang                   clang              clang
build  command:pkg-config        pkg-config            pkgconf-pkg-config      pkgconf            pkg-config
build  header:stdlib.h           libc6-dev             glibc-devel             glibc              glibc-devel
build  archive:libc.a            libc6-dev             glibc-static            glibc              glibc-devel-static
build  library:gl                libgl-dev             mesa-libGL-devel        libglvnd           Mesa-libGL-devel
build  library:x11               libx11-dev            libX11-devel            libx11             libX11-devel
build  library:xcursor           libxcursor-dev        libXcursor-devel        libxcursor         libXcursor-devel
build  library:xrandr            libxrandr-dev         libXrandr-devel         libxrandr          libXrandr-devel
build  library:xinerama          libxinerama-dev       libXinerama-devel       libxinerama        libXinerama-devel
build  library:xi                libxi-dev             libXi-devel             libxi              libXi-devel
build  library:xxf86vm           libxxf86vm-dev        libXxf86vm-devel        libxxf86vm         libXxf86vm-devel
test   command:Xvfb              xvfb                  xorg-x11-server-Xvfb    xorg-server-xvfb   xorg-x11-server-Xvfb
test   command:dbus-daemon       dbus                  dbus-daemon             dbus               dbus-1-daemon
test   command:xfwm4             xfwm4                 xfwm4                   xfwm4              xfwm4
test   command:xfce4-panel       xfce4-panel           xfce4-panel             xfce4-panel        xfce4-panel
test   command:xfconf-query      xfconf                xfconf                  xfconf             xfconf
test   command:dunst             dunst                 dunst                   dunst              dunst
test   command:xdotool           xdotool               xdotool                 xdotool            xdotool
test   command:import            imagemagick           ImageMagick             imagemagick        ImageMagick
test   command:xdpyinfo          x11-utils             xdpyinfo                xorg-xdpyinfo      xdpyinfo
test   command:xwininfo          x11-utils             xwininfo                xorg-xwininfo      xwininfo
test   command:xprop             x11-utils             xprop                   xorg-xprop         xprop
test   command:strace            strace                strace                  strace             strace
test   file:/usr/lib/dri/swrast_dri.so,/usr/lib64/dri/swrast_dri.so,/usr/lib/*/dri/swrast_dri.so libgl1-mesa-dri mesa-dri-drivers mesa Mesa-dri
test   file:/usr/lib/libGLX_mesa.so.0,/usr/lib64/libGLX_mesa.so.0,/usr/lib/*/libGLX_mesa.so.0 libglx-mesa0 mesa-libGL mesa Mesa-libGL1
test   file:/usr/share/icons/Adwaita/index.theme adwaita-icon-theme adwaita-icon-theme adwaita-icon-theme adwaita-icon-theme
test   file:/usr/share/fonts/*/*ejavu*/DejaVuSans.ttf,/usr/share/fonts/*/DejaVuSans.ttf,/usr/share/fonts/*ejavu*/DejaVuSans.ttf fonts-dejavu-core dejavu-sans-fonts ttf-dejavu dejavu-fonts
ROWS
}

compiler() { command -v "${CC:-clang}" || command -v clang || command -v cc || command -v gcc; }

have() { # PROBE
  local kind=${1%%:*} what=${1#*:} pattern
  case $kind in
    command) command -v "$what" >/dev/null ;;
    library) pkg-config --exists "$what" 2>/dev/null ;;
    header) echo "#include <$what>" | "$(compiler)" -E -x c - >/dev/null 2>&1 ;;
    archive) [ -e "$("$(compiler)" -print-file-name="$what" 2>/dev/null)" ] ;;
    file) for pattern in ${what//,/ }; do compgen -G "$pattern" >/dev/null && return 0; done; return 1 ;;
  esac
}

manager() {
  local name
  for name in apt-get dnf pacman zypper; do command -v "$name" >/dev/null && { echo "$name"; return; }; done
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install() { # PACKAGE...
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then return 1; fi
  case $(manager) in
    apt-get)
      local options=(-o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends)
      # The lists are fetched only when they do not know the packages: it costs seconds.
      apt-get -s "${options[@]}" install "$@" >/dev/null 2>&1 ||
        as_root apt-get -o DPkg::Lock::Timeout=300 -qq update || return 1
      as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install "$@" >/dev/null ;;
    dnf) as_root dnf -q -y --setopt=install_weak_deps=False install "$@" >&2 ;;
    pacman) as_root pacman -S --noconfirm --needed "$@" >&2 ;;
    zypper) as_root zypper -q --non-interactive install --no-recommends "$@" >&2 ;;
    *) return 1 ;;
  esac
}

missing() { # GROUP...: prints "PROBE PACKAGE" of each row that is not here
  local column group probe debian fedora arch suse rows
  rows=$(table)
  case $(manager) in apt-get) column=1 ;; dnf) column=2 ;; pacman) column=3 ;; zypper) column=4 ;; *) column=0 ;; esac
  while read -r group probe debian fedora arch suse; do
    [[ " $* " == *" $group "* ]] || continue
    have "$probe" && continue
    local names=("?" "$debian" "$fedora" "$arch" "$suse")
    echo "$probe ${names[$column]}"
  done <<<"$rows"
}

# Go is not installed by this script: distributions serve it too old or in the wrong place.
# Any Go from 1.21 on fetches the version that go.mod names by itself.
check_go() {
  local found wanted
  wanted=$(sed -n 's/^toolchain go//p' go.mod)
  wanted=${wanted:-$(sed -n 's/^go //p' go.mod)}
  found=$(GOTOOLCHAIN=local go version 2>/dev/null | sed 's/^go version go//; s/[^0-9.].*//')
  if [ -n "$found" ] && [ "$(printf '%s\n' 1.21 "$found" | sort -V | head -1)" = 1.21 ]; then return 0; fi
  if [ -n "$found" ]; then
    echo "Go $found is too old: 1.21 or newer is needed, it then fetches Go $wanted by itself."
  else
    echo "Go is not here, or not on the PATH."
  fi >&2
  case $(uname -s)-$(manager) in
    Darwin-*) echo "What to do: install it from https://go.dev/dl/, or with \`brew install go\`." ;;
    *-dnf) echo "What to do: sudo dnf install golang" ;;
    *-pacman) echo "What to do: sudo pacman -S go" ;;
    *-zypper) echo "What to do: sudo zypper install go" ;;
    *)
      local machine
      case $(uname -m) in x86_64) machine=amd64 ;; aarch64) machine=arm64 ;; *) machine=$(uname -m) ;; esac
      cat <<TEXT
What to do (the Go of Debian 12 is too old, so take the official one):
  curl -LO https://go.dev/dl/go$wanted.linux-$machine.tar.gz
  sudo tar -C /usr/local -xzf go$wanted.linux-$machine.tar.gz
The Makefile looks into /usr/local/go/bin by itself.
TEXT
      ;;
  esac >&2
  return 1
}

main() {
  cd "$(dirname "$0")/../.." || exit 1
  [ $# -gt 0 ] || { echo "usage: deps.sh make|build|test ..." >&2; exit 2; }
  local failed=0
  [[ " $* " != *" build "* ]] || check_go || failed=1
  case $(uname -s) in
    Darwin)
      if [[ " $* " == *" build "* ]] && ! xcode-select -p >/dev/null 2>&1; then
        echo "The compiler of macOS is not here. What to do: xcode-select --install" >&2
        failed=1
      fi
      exit $failed ;;
    Linux) ;;
    *) exit $failed ;; # Windows: the README has the lines
  esac

  # Libraries can only be seen once pkg-config is here, so a first round may show too much;
  # the names are the same ones that a second round would show.
  local rows packages
  rows=$(missing "$@")
  [ -n "$rows" ] || exit $failed
  packages=$(awk '$2 != "-" { print $2 }' <<<"$rows" | sort -u | tr '\n' ' ')
  if [ -n "$(manager)" ]; then
    echo "Installing with $(manager): $packages" >&2
    # shellcheck disable=SC2086 # the list is meant to be split
    install $packages
  fi
  rows=$(missing "$@")
  [ -n "$rows" ] || exit $failed
  {
    echo "Still missing after that:"
    awk '{ printf "  %-40s package %s\n", $1, $2 }' <<<"$rows"
    case $(manager) in
      "") echo "What to do: this system has none of apt-get, dnf, pacman, zypper; install the above by hand." ;;
      *) echo "What to do: install these packages as root with $(manager), then run the command again." ;;
    esac
  } >&2
  exit 1
}

main "$@"
