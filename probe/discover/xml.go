package discover

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// Bounds on XML beside its size.
const (
	maxDepth    = 16
	maxElements = 4000
)

// readXML reads a document from a stranger: no document type, so that no
// entity can be defined, and neither deep nor endless.
func readXML(text []byte, into any) error {
	if err := boundXML(text); err != nil {
		return err
	}
	if err := decoder(text).Decode(into); err != nil {
		return errors.New("the answer is XML, but not of this kind")
	}
	return nil
}

func boundXML(text []byte) error {
	d := decoder(text)
	depth, elements := 0, 0
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) && elements > 0 && depth == 0 {
			return nil
		}
		if err != nil {
			return errors.New("the answer is no XML")
		}
		switch token.(type) {
		case xml.Directive:
			return errors.New("the XML declares a document type, which is not read")
		case xml.StartElement:
			depth++
			elements++
		case xml.EndElement:
			depth--
		}
		if depth > maxDepth || elements > maxElements {
			return fmt.Errorf("the XML is deeper than %d or has more than %d elements", maxDepth, maxElements)
		}
	}
}

func decoder(text []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(charset string, input io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "us-ascii", "ascii", "utf8":
			return input, nil
		case "iso-8859-1", "latin1", "windows-1252":
			return charmap.Windows1252.NewDecoder().Reader(input), nil
		}
		return nil, fmt.Errorf("character set %q", charset)
	}
	return d
}
