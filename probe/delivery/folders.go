package delivery

import (
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// maxFolders bounds how many folders of a mailbox are looked at, by name.
const maxFolders = 5000

// folder is where mail can arrive.
type folder struct {
	name string
	junk bool
}

// junkNames are what junk folders are called where the server does not mark
// them (RFC 6154), in the languages of mail programs; in lower case.
func junkNames() []string {
	return []string{
		"junk", "spam", "junk e-mail", "junk email", "junk-e-mail", "junk mail", "bulk", "bulk mail", "[gmail]/spam", "[google mail]/spam",
		"spamverdacht", "unerwünscht", "unerwünschte werbung", "junk-mail", "spam-verdacht", "werbung",
		"courrier indésirable", "indésirables", "pourriels", "spamverdenking", "ongewenste e-mail", "ongewenst",
		"correo no deseado", "correo basura", "posta indesiderata", "lixo eletrônico", "lixo electrónico", "correio electrónico não solicitado",
		"skräppost", "skräp", "uønsket e-post", "søppelpost", "uønsket mail", "roskaposti",
		"wiadomości-śmieci", "niechciane", "nevyžádaná pošta", "nevyžiadaná pošta", "levélszemét", "спам", "нежелательная почта", "небажана пошта",
		"istenmeyen e-posta", "önemsiz e-posta", "迷惑メール", "垃圾邮件", "垃圾郵件", "정크 메일", "스팸",
	}
}

// findFolders lists the junk folders and the one where mail arrives, which
// stands last, so that it is the selected one when we wait.
func (c *Session) findFolders() error {
	defer c.within(commandLimit)()
	options := &imap.ListOptions{ReturnSpecialUse: c.caps.Has(imap.CapSpecialUse)}
	list := c.client.List("", "*", options)
	marked, named := []folder(nil), []folder(nil)
	for n := 0; n < maxFolders; n++ {
		data := list.Next()
		if data == nil {
			break
		}
		f := folder{name: data.Mailbox, junk: true}
		switch {
		case slices.Contains(data.Attrs, imap.MailboxAttrNoSelect), strings.EqualFold(data.Mailbox, c.arrival()):
		case slices.Contains(data.Attrs, imap.MailboxAttrJunk):
			marked = append(marked, f)
		case isJunkName(data.Mailbox, data.Delim):
			named = append(named, f)
		}
	}
	if err := list.Close(); err != nil {
		var no *imap.Error
		if !errors.As(err, &no) { // a server that lists nothing has an inbox all the same
			return c.failed("list of folders", err)
		}
	}
	junk := append(marked, named...)
	c.folders = append(junk[:min(len(junk), 5)], folder{name: c.arrival()})
	return nil
}

// arrival is the folder that mail arrives in.
func (c *Session) arrival() string {
	if c.inbox.Folder != "" {
		return c.inbox.Folder
	}
	return "INBOX"
}

func isJunkName(name string, delimiter rune) bool {
	lower := strings.ToLower(name)
	if delimiter != 0 {
		lower = strings.TrimPrefix(lower, "inbox"+string(delimiter))
	}
	return slices.Contains(junkNames(), lower)
}

// Folders names where the session looks, the inbox first.
func (c *Session) Folders() []string {
	var names []string
	for _, f := range slices.Backward(c.folders) {
		names = append(names, shown(c.watch, f.name))
	}
	return names
}

// examine selects a folder without changing anything in it.
func (c *Session) examine(f folder) (*imap.SelectData, error) {
	defer c.within(commandLimit)()
	data, err := c.client.Select(f.name, &imap.SelectOptions{ReadOnly: true}).Wait()
	var no *imap.Error
	switch {
	case errors.As(err, &no) && !f.junk:
		return nil, trouble(cause.IMAPFolderMissing, "the folder %s cannot be opened: the server answered %s", shown(c.watch, f.name), c.words(no))
	case err != nil:
		return nil, c.failed("opening the folder "+shown(c.watch, f.name), err)
	}
	return data, nil
}
