package judge

import (
	"strings"

	"github.com/smtpdx/smtpdx/probe/delivery/received"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// quote is the head of a message that stands in the body of another one.
type quote struct {
	from   string   // the address, "" when only a name stands there
	name   string   // what stands after "From:"
	to     string   // what stands after "To:"
	lines  []string // as they stand
	marked bool     // a line above says that it was forwarded
	own    int      // lines of text above it
}

// Words before a colon in the head of a quoted message, in the languages of
// common mail programs. Lower case.
const (
	fromWords = `from|von|de|da|van|från|fra|od|nadawca|lähettäjä|от|від|odesílatel|odosielateľ|feladó|kimden|gönderen|expéditeur|remitente|mittente|expeditor|de la|από|מאת|من|发件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|từ|dari|šalje|expeditorul|отправитель|від кого|saatja`
	toWords   = `to|an|à|a|para|per|aan|till|til|do|adresat|vastaanottaja|кому|komu|címzett|kime|alıcı|destinataire|destinatario|către|către|προς|אל|إلى|收件人|宛先|받는 사람|받는사람|đến|kepada|prima|destinatarul|pre|pour|saaja`
	restWords = `date|sent|datum|gesendet|envoyé|enviado|enviada|data|inviato|verzonden|skickat|sendt|dato|wysłano|lähetetty|päivämäärä|дата|отправлено|odesláno|dátum|küldve|elküldve|tarih|gönderildi|fecha|trimis|ημερομηνία|תאריך|日期|发送时间|发送日期|寄件日期|日付|送信日時|날짜|보낸 날짜|subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|aihe|тема|předmět|predmet|tárgy|konu|subiect|θέμα|נושא|主题|主旨|件名|제목|cc|kopie|bcc|reply-to|antwort an|chủ đề|subjek|sujet|naslov|subiectul|másolat|kopia|kopija|reply to|важность|priority|importance|wichtigkeit|kuupäev|teema|poslano|копия`
)

var (
	mailtoWord = pattern(`(?i)mailto:`)
	fromLine   = pattern(`(?i)^[\s>|*_]*(?:` + fromWords + `)[*_]*\s*[:：]\s*[*_]*\s*(.+)$`)
	toLine     = pattern(`(?i)^[\s>|*_]*(?:` + toWords + `)[*_]*\s*[:：]\s*[*_]*\s*(.*)$`)
	restLine   = pattern(`(?i)^[\s>|*_]*(?:` + restWords + `)[*_]*\s*[:：]`)
	muttMark   = pattern(`^\[[^\s@\]]+@[^\s:\]]+: .*\]?$`) // "[ann@candidate.example: Application]", a subject
	inLine     = pattern(`(?i)(?:` + toWords + `|` + restWords + `)\s*:\s`)
	wrote      = pattern(`^[\s>]*\S.{0,160}[<\[(]\s*(?:mailto:)?([^\s<>\[\]()@]+@[^\s<>\[\]()@]+)\s*[>\])].{0,60}:\s*$`)
	markLine   = pattern(`(?i)forwarded (message|by)|begin forwarded|original message|weitergeleitete (nachricht|e-?mail|mail)|weitergeleiteten nachricht|ursprüngliche nachricht|originalnachricht|message transféré|message transmis|message d.origine|message original|courriel transféré|mensaje reenviado|mensaje original|messaggio inoltrato|messaggio originale|doorgestuurd bericht|oorspronkelijk bericht|vidarebefordrat meddelande|ursprungligt meddelande|videresendt (melding|meddelelse|e-?mail)|opprinnelig melding|oprindelig meddelelse|przekazana wiadomość|wiadomość przekazana|wiadomość oryginalna|mensagem (encaminhada|original|reencaminhada)|пересылаемое сообщение|пересланное сообщение|исходное сообщение|přeposlaná zpráva|původní zpráva|továbbított (levél|üzenet)|eredeti üzenet|iletilen (mesaj|ileti)|özgün ileti|välitetty viesti|alkuperäinen viesti|mesaj redirecționat|přeposílané zprávy|videresendt besked|message réexpédié|edelleenlähetetty|proslijeđen|przekaz(ywan|an)ej wiadomości|mesajul redirecționat|переадресованного|перенаправлен|пересилається|переслане|preposlan(ej|á) spr|vidarebefordrat mejl|ileti başlangıcı|iletilmiş mesaj|转发的?邮件|原始邮件|轉寄的?郵件|転送されたメッセージ|元のメッセージ|전달된 메(시|일)|원본 메(시|일)`)
)

// maxQuoteLines is how far into a body a quoted head is looked for.
const maxQuoteLines = 400

// firstLines are the first lines of a body, each cut at a length that no line
// of a head has.
func firstLines(body string, n int) []string {
	lines := strings.SplitN(body, "\n", n+1)
	lines = lines[:min(len(lines), n)]
	for i, line := range lines {
		lines[i] = line[:min(len(line), 1000)]
	}
	return lines
}

// findQuote looks for the head of a quoted message: a line "From:" and at least
// two more of its kind close by, or all of them on one line.
func findQuote(body string) *quote {
	lines := firstLines(body, maxQuoteLines)
	marked, own := false, 0
	for i, line := range lines {
		if markLine().MatchString(line) && len(line) < 120 {
			marked = true
			if q := wholeHeader(lines[i+1:]); q != nil {
				q.own = own
				return q
			}
			continue
		}
		found := fromLine().FindStringSubmatch(line)
		if found == nil {
			if strings.TrimSpace(strings.Trim(line, "-_*> \t")) != "" {
				own++
			}
			continue
		}
		if q := quoteAt(lines[i:], found[1], labelsBefore(lines[:i])); q != nil {
			q.marked, q.own = marked, own
			return q
		}
		own++
	}
	return nil
}

// findAttribution looks for the one line with which some programs introduce the
// message that they forward: "On Monday, "Ann" <ann@candidate.example> wrote:".
func findAttribution(body string) *quote {
	for _, line := range firstLines(body, 40) {
		if found := wrote().FindStringSubmatch(line); found != nil {
			return &quote{from: addressIn(found[1]), name: addressIn(found[1]), lines: []string{clean(line)}}
		}
	}
	return nil
}

// wholeHeader reads the header of a message that a program forwards with all
// its lines, as mutt does.
func wholeHeader(lines []string) *quote {
	text := strings.TrimLeft(strings.Join(lines[:min(len(lines), 200)], "\n"), "\n")
	h := received.ParseHeader(text)
	if !h.Has("From") || !h.Has("Date", "Message-ID", "Received") {
		return nil
	}
	from := h.Address("From")
	return &quote{from: from.Address, name: firstOf(from.Address, h.Text("From")), to: h.Get("To"), lines: h.Lines("From", "To", "Subject"), marked: true}
}

// labelsBefore counts the lines of a head just above "From:": Thunderbird
// begins with the subject.
func labelsBefore(lines []string) int {
	n := 0
	for i := len(lines) - 1; i >= 0 && (restLine().MatchString(lines[i]) || toLine().MatchString(lines[i])); i-- {
		n++
	}
	return n
}

// quoteAt reads the head that has a line "From:", with some of its lines above.
func quoteAt(lines []string, from string, others int) *quote {
	q := &quote{name: clean(from), lines: []string{clean(lines[0])}}
	for _, line := range lines[1:min(len(lines), 14)] {
		found := toLine().FindStringSubmatch(line)
		switch {
		case found != nil:
			q.to = clean(found[1])
		case !restLine().MatchString(line):
			if q.to == "" && q.from == "" && strings.Contains(line, "@") && others == 0 {
				q.name += " " + clean(line) // the address on a line of its own
			}
			continue
		}
		others++
		q.lines = append(q.lines, clean(line))
	}
	if others < 2 && len(inLine().FindAllString(from, -1)) < 2 {
		return nil
	}
	q.from = addressIn(q.name)
	return q
}

// clean makes a line of a body fit to be shown.
func clean(line string) string { return secret.Clean(strings.Join(strings.Fields(line), " ")) }

func addressIn(text string) string {
	for _, a := range received.ParseAddresses(mailtoWord().ReplaceAllString(text, " ")) {
		if a.Address != "" {
			return a.Address
		}
	}
	return ""
}
