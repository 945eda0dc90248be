package received

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/richardlehane/mscfb"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// oleMagic is how Outlook's format begins, and other files of the kind.
const oleMagic = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"

// maxOutlook is how large a .msg may be: it cannot be read line by line.
const maxOutlook = 300 << 20

// maxStreams is how many entries of a .msg are looked at; one with many
// attachments has some thousands.
const maxStreams = 100_000

// What a .msg lacks.
var (
	ErrOutlook         = errors.New("it is a file of Outlook's format that cannot be read")
	ErrOutlookNoHeader = errors.New("no header is kept with it in Outlook: it was written here, or came by Exchange from inside")
)

// The properties of a .msg that are read (MS-OXPROPS), by the numbers that
// stand in the names of its streams.
const (
	propertyTransportHeaders = "007D"
	propertyBody             = "1000"
	propertyAttachedMessage  = "3701000D"
)

// readOutlook reads a message out of Outlook's format (MS-OXMSG): the header
// as it came, the text, and the headers of attached messages.
func readOutlook(r io.Reader) (*Message, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxOutlook+1))
	if err != nil {
		return nil, fmt.Errorf("read the message: %w", err)
	}
	if len(data) > maxOutlook {
		return nil, fmt.Errorf("%w: it is larger than 300 MB", ErrOutlook)
	}
	file, err := mscfb.New(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutlook, err)
	}
	streams := readStreams(file)
	header := streams.text("", propertyTransportHeaders)
	if strings.TrimSpace(header) == "" {
		return nil, ErrOutlookNoHeader
	}
	m := &Message{Header: ParseHeader(strings.TrimLeft(header, "\r\n")), Outlook: true}
	if body := streams.text("", propertyBody); body != "" {
		m.Parts = append(m.Parts, Part{Type: "text/plain", Text: body})
	}
	for _, path := range streams.attached {
		inner := ParseHeader(strings.TrimLeft(streams.text(path, propertyTransportHeaders), "\r\n"))
		m.Parts = append(m.Parts, Part{Type: "message/rfc822", Attached: true, Header: &inner})
	}
	return m, nil
}

// streams are the texts of a .msg by the path of their storage and their number.
type streams struct {
	texts    map[string]string
	attached []string // the storages of attached messages
}

func readStreams(file *mscfb.Reader) streams {
	s := streams{texts: map[string]string{}}
	left := maxStreams
	for entry, err := file.Next(); err == nil && left > 0 && len(s.texts) < maxParts; entry, err = file.Next() {
		left--
		path := strings.Join(entry.Path, "/")
		number, isProperty := strings.CutPrefix(entry.Name, "__substg1.0_")
		if !isProperty || strings.Count(path, "/") > 2 {
			continue
		}
		if number == propertyAttachedMessage {
			s.attached = append(s.attached, path+"/"+entry.Name)
			continue
		}
		if len(number) == 8 && (number[:4] == propertyTransportHeaders || number[:4] == propertyBody) {
			raw, _ := io.ReadAll(io.LimitReader(entry, maxHeader)) // a damaged stream gives what it has
			s.texts[strings.TrimPrefix(path+"/", "/")+number] = fromMAPI(raw, number[4:])
		}
	}
	return s
}

// text gives a property of a storage, in Unicode or in a code page.
func (s streams) text(path, property string) string {
	if path != "" {
		path += "/"
	}
	if text := s.texts[path+property+"001F"]; text != "" {
		return text
	}
	return s.texts[path+property+"001E"]
}

// fromMAPI decodes a text property by its type: 001F is UTF-16, 001E bytes.
func fromMAPI(raw []byte, kind string) string {
	decoder := charmap.Windows1252.NewDecoder()
	if kind == "001F" {
		decoder = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()
	}
	text, err := decoder.Bytes(raw)
	if err != nil {
		return ""
	}
	return strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\x00")
}
