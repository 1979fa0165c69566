//go:build linux

package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Screen is a connection to the lab's X server that is told at once when a window is drawn
// (by the server's DAMAGE extension) or when windows come and go. Tools would be too slow
// for that: each start of one takes longer than what is to be measured.
type Screen struct {
	server   *os.File
	root     uint32
	nextID   uint32
	sequence uint16
	damage   byte // opcode of the extension's requests
	damaged  byte // code of its event
	atoms    map[string]uint32
	events   []Event // heard while an answer was awaited
}

// Event is something that happened on the screen.
type Event struct {
	Window uint32    // that was drawn into; 0 = a property of the root changed, as when windows come and go
	At     time.Time // when it was heard, by the caller's clock
}

// ErrGone is what a question about a window gives that is not there, or not on the screen.
var ErrGone = errors.New("the window is not there")

// The requests and answers of the X protocol, version 11, that are used.
const (
	changeAttributes = 2
	getAttributes    = 3
	getGeometry      = 14
	internAtom       = 16
	getProperty      = 20
	getInputFocus    = 43
	getImage         = 73
	queryExtension   = 98

	errorPacket     = 0
	answerPacket    = 1
	propertyChanged = 28

	propertyMask = 1 << 22
	viewable     = 2
)

// Screen connects to the X server.
func (l *Lab) Screen() (*Screen, error) {
	number := ""
	for _, variable := range l.env {
		if display, ok := strings.CutPrefix(variable, "DISPLAY=:"); ok {
			number = display
		}
	}
	descriptor, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("connect to the X server: %w", err)
	}
	if err := unix.Connect(descriptor, &unix.SockaddrUnix{Name: "/tmp/.X11-unix/X" + number}); err != nil {
		unix.Close(descriptor)
		return nil, fmt.Errorf("connect to the X server: %w", err)
	}
	if err := unix.SetNonblock(descriptor, true); err != nil { // so that deadlines work
		unix.Close(descriptor)
		return nil, fmt.Errorf("connect to the X server: %w", err)
	}
	s := &Screen{server: os.NewFile(uintptr(descriptor), "X server"), atoms: map[string]uint32{}}
	if err := s.open(); err != nil {
		s.Close()
		return nil, fmt.Errorf("connect to the X server: %w", err)
	}
	return s, nil
}

// Close ends the connection.
func (s *Screen) Close() { s.server.Close() }

// open greets the server and asks to be told of windows that come and go.
func (s *Screen) open() error {
	if _, err := s.server.Write([]byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(s.server, head); err != nil {
		return err
	}
	body := make([]byte, 4*int(binary.LittleEndian.Uint16(head[6:])))
	if _, err := io.ReadFull(s.server, body); err != nil {
		return err
	}
	if head[0] != 1 || len(body) < 32 {
		return errors.New("it refuses")
	}
	s.nextID = binary.LittleEndian.Uint32(body[4:])
	vendor, formats := int(binary.LittleEndian.Uint16(body[16:])), int(body[21])
	screen := 32 + (vendor+3)/4*4 + 8*formats
	if len(body) < screen+4 {
		return errors.New("its greeting is cut short")
	}
	s.root = binary.LittleEndian.Uint32(body[screen:])

	answer, err := s.ask(queryExtension, 0, words(uint32(len("DAMAGE"))), padded("DAMAGE"))
	if err != nil {
		return err
	}
	if answer[8] == 0 {
		return errors.New("it has no DAMAGE extension")
	}
	s.damage, s.damaged = answer[9], answer[10]
	if _, err := s.ask(s.damage, 0, words(1, 1)); err != nil { // version 1.1
		return err
	}
	return s.tell(changeAttributes, 0, words(s.root, 1<<11, propertyMask))
}

func words(list ...uint32) []byte {
	var out []byte
	for _, word := range list {
		out = binary.LittleEndian.AppendUint32(out, word)
	}
	return out
}

func padded(text string) []byte { return append([]byte(text), make([]byte, (4-len(text)%4)%4)...) }

// send sends a request; data is the byte that the protocol keeps beside the opcode.
func (s *Screen) send(opcode, data byte, parts ...[]byte) error {
	request := []byte{opcode, data, 0, 0}
	for _, part := range parts {
		request = append(request, part...)
	}
	binary.LittleEndian.PutUint16(request[2:], uint16(len(request)/4))
	s.sequence++
	_, err := s.server.Write(request)
	return err
}

// ask sends a request and gives its answer.
func (s *Screen) ask(opcode, data byte, parts ...[]byte) ([]byte, error) {
	if err := s.send(opcode, data, parts...); err != nil {
		return nil, err
	}
	if err := s.server.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	for {
		packet, err := s.packet()
		if err != nil {
			return nil, err
		}
		switch {
		case packet[0] == answerPacket:
			return packet, nil
		case packet[0] == errorPacket && binary.LittleEndian.Uint16(packet[2:]) == s.sequence:
			return nil, fmt.Errorf("request %d: error %d of the X server: %w", opcode, packet[1], ErrGone)
		}
	}
}

// tell sends a request without an answer, and waits until the server has seen it.
func (s *Screen) tell(opcode, data byte, parts ...[]byte) error {
	if err := s.send(opcode, data, parts...); err != nil {
		return err
	}
	_, err := s.ask(getInputFocus, 0)
	return err
}

// packet reads one packet and keeps it if it is an event.
func (s *Screen) packet() ([]byte, error) {
	packet := make([]byte, 32)
	if _, err := io.ReadFull(s.server, packet); err != nil {
		return nil, err
	}
	switch packet[0] &^ 0x80 {
	case answerPacket:
		rest := make([]byte, 32+4*int(binary.LittleEndian.Uint32(packet[4:])))
		copy(rest, packet)
		_, err := io.ReadFull(s.server, rest[32:])
		return rest, err
	case s.damaged:
		s.events = append(s.events, Event{Window: binary.LittleEndian.Uint32(packet[4:])})
	case propertyChanged:
		s.events = append(s.events, Event{})
	}
	return packet, nil
}

// Next waits for the next event, at most until the deadline; false = none came.
func (s *Screen) Next(deadline time.Time, clock func() time.Time) (Event, bool, error) {
	for len(s.events) == 0 {
		// The first byte alone may be late; a packet that has begun comes whole.
		if err := s.server.SetReadDeadline(deadline); err != nil {
			return Event{}, false, err
		}
		if _, err := s.packet(); errors.Is(err, os.ErrDeadlineExceeded) {
			return Event{}, false, nil
		} else if err != nil {
			return Event{}, false, fmt.Errorf("listen to the X server: %w", err)
		}
	}
	e := s.events[0]
	s.events = s.events[1:]
	e.At = clock()
	return e, true, nil
}

// Forget drops the events that nobody has asked for.
func (s *Screen) Forget() { s.events = nil }

// Follow asks for an event whenever something is drawn into a window.
func (s *Screen) Follow(window uint32) error {
	s.nextID++
	if err := s.tell(s.damage, 1, words(s.nextID, window, 0)); err != nil {
		return fmt.Errorf("follow window %#x: %w", window, err)
	}
	return nil
}

// Windows lists the windows that the window manager manages, with their processes.
func (s *Screen) Windows() ([]Window, error) {
	ids, err := s.property(s.root, "_NET_CLIENT_LIST")
	if err != nil {
		return nil, err
	}
	var list []Window
	for _, id := range ids {
		pid, err := s.property(id, "_NET_WM_PID")
		if errors.Is(err, ErrGone) || err == nil && len(pid) == 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, Window{ID: "0x" + strconv.FormatUint(uint64(id), 16), PID: int(pid[0])})
	}
	return list, nil
}

// Number is the window's id for a Screen.
func (w Window) Number() uint32 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(w.ID, "0x"), 16, 32)
	return uint32(n)
}

// property is a window's property made of numbers of 32 bits; none if it has none.
func (s *Screen) property(window uint32, name string) ([]uint32, error) {
	atom, known := s.atoms[name]
	if !known {
		answer, err := s.ask(internAtom, 0, words(uint32(len(name))), padded(name))
		if err != nil {
			return nil, err
		}
		atom = binary.LittleEndian.Uint32(answer[8:])
		s.atoms[name] = atom
	}
	answer, err := s.ask(getProperty, 0, words(window, atom, 0, 0, 1024))
	if err != nil || answer[1] != 32 {
		return nil, err
	}
	list := make([]uint32, min(int(binary.LittleEndian.Uint32(answer[16:])), (len(answer)-32)/4))
	for i := range list {
		list[i] = binary.LittleEndian.Uint32(answer[32+4*i:])
	}
	return list, nil
}

// Shown reports whether a window is on the screen.
func (s *Screen) Shown(window uint32) (bool, error) {
	answer, err := s.ask(getAttributes, 0, words(window))
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	return err == nil && answer[26] == viewable, err
}

// Pixels is what a window shows now; ErrGone if it is not on the screen.
func (s *Screen) Pixels(window uint32) (*image.RGBA, error) {
	answer, err := s.ask(getGeometry, 0, words(window))
	if err != nil {
		return nil, err
	}
	width, height := binary.LittleEndian.Uint16(answer[16:]), binary.LittleEndian.Uint16(answer[18:])
	const allPlanes, zPixmap = 1<<32 - 1, 2
	answer, err = s.ask(getImage, zPixmap, words(window, 0, uint32(width)|uint32(height)<<16, allPlanes))
	if err != nil {
		return nil, err
	}
	picture := image.NewRGBA(image.Rect(0, 0, int(width), int(height)))
	pixels := answer[32:]
	if len(pixels) < len(picture.Pix) {
		return nil, fmt.Errorf("take a picture of window %#x: its pixels have not 32 bits", window)
	}
	for i := 0; i < len(picture.Pix); i += 4 { // blue, green, red, unused
		picture.Pix[i], picture.Pix[i+1], picture.Pix[i+2], picture.Pix[i+3] = pixels[i+2], pixels[i+1], pixels[i], 255
	}
	return picture, nil
}
