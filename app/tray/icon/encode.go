package icon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
)

// PNG encodes a picture.
func PNG(m image.Image) ([]byte, error) {
	var b bytes.Buffer
	// The bytes go to a neighbour process once and are decoded there: speed, not size.
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&b, m); err != nil {
		return nil, fmt.Errorf("encode icon: %w", err)
	}
	return b.Bytes(), nil
}

// ICO encodes pictures of one motif in several sizes, at most 256 pixels wide and high, as
// a Windows icon file that holds each as a PNG.
func ICO(pictures ...image.Image) ([]byte, error) {
	const headSize, entrySize = 6, 16
	var head, body bytes.Buffer
	for _, v := range []uint16{0, 1, uint16(len(pictures))} { // reserved, kind: icon, count
		_ = binary.Write(&head, binary.LittleEndian, v)
	}
	for _, m := range pictures {
		size := m.Bounds().Size()
		if size.X < 1 || size.Y < 1 || size.X > 256 || size.Y > 256 {
			return nil, fmt.Errorf("encode icon: %d × %d pixels do not fit", size.X, size.Y)
		}
		content, err := PNG(m)
		if err != nil {
			return nil, err
		}
		entry := struct {
			Width, Height, Colours, Reserved uint8 // 0 stands for 256
			Planes, BitsPerPixel             uint16
			Bytes, Offset                    uint32
		}{
			uint8(size.X), uint8(size.Y), 0, 0, 1, 32,
			uint32(len(content)), uint32(headSize + entrySize*len(pictures) + body.Len()),
		}
		_ = binary.Write(&head, binary.LittleEndian, entry)
		body.Write(content)
	}
	return append(head.Bytes(), body.Bytes()...), nil
}
