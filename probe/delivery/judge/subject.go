package judge

import (
	"strings"
)

// forwardPrefixes are what mail programs put before the subject of a message
// that they forward, in their languages. Lower case.
func forwardPrefixes() []string {
	return []string{
		"fwd", "fw", "fwd.", "[fwd", "forward", "forwarded", // English, and most programs
		"wg", "wtr", "weiterleitung", "weitergeleitet", // German
		"tr", "réf", "transf", "transfert", "trans", // French
		"rv", "rvd", "reenv", "reenviado", "reenviar", // Spanish
		"i", "inoltro", "inoltra", "r: i", // Italian
		"enc", "encaminhado", "encaminhada", "res: enc", // Portuguese
		"doorst", "dw", "doorgestuurd", // Dutch
		"vb", "vidarebefordrat", // Swedish
		"vs", "videresendt", "videresend", "vl", "välitetty", // Danish, Norwegian, Finnish
		"pd", "pdl", "podaj dalej", "przekazane", // Polish
		"přep", "předáno", "fwd přep", // Czech
		"prep", "prp", // Slovak
		"tov", "továbbítva", "továbbított", "továbbítás", "tovabb", // Hungarian
		"ilt", "i̇lt", "iletilen", "ilet", // Turkish
		"пересл", "перес", "на", "переслано", // Russian
		"προωθ", "πρθ", "σχετ: προωθ", // Greek
		"redir", "redir.", "пд", "edasi",
		"הועבר", "إعادة توجيه", // Hebrew, Arabic
		"转发", "轉寄", "轉發", "转寄", // Chinese
		"転送", "전달", "전달됨", // Japanese, Korean
		"chuyển tiếp", "trs", "bls", // Vietnamese, Indonesian
	}
}

// replyPrefixes are those of answers.
func replyPrefixes() []string {
	return []string{"re", "aw", "sv", "antw", "odp", "rif", "r", "ref", "réf", "rép", "res", "resp", "vs", "vá", "ynt", "ответ", "отв", "на", "回复", "回覆", "答复", "返信", "답장", "bls", "atb", "απ"}
}

// subjectKind is what the first prefix of a subject says: "forward", "reply"
// or "". Marks in brackets that lists and gateways add are skipped.
func subjectKind(subject string) string {
	if muttMark().MatchString(strings.TrimSpace(subject)) {
		return "forward"
	}
	for range 4 {
		subject = strings.TrimSpace(subject)
		if !strings.HasPrefix(subject, "[") {
			break
		}
		end := strings.IndexByte(subject, ']')
		if strings.HasPrefix(strings.ToLower(subject), "[fwd:") {
			return "forward"
		}
		if end < 0 {
			break
		}
		subject = subject[end+1:]
	}
	prefix, found := beforeColon(subject)
	switch {
	case !found:
		return ""
	case isOne(prefix, forwardPrefixes()) && !(prefix == "vs" || prefix == "на" || prefix == "réf" || prefix == "bls"):
		return "forward"
	case isOne(prefix, forwardPrefixes()) && isOne(prefix, replyPrefixes()):
		return "either"
	case isOne(prefix, replyPrefixes()):
		return "reply"
	}
	return ""
}

// beforeColon is the first word before a colon, also a full-width one, without
// the number that some programs add ("Fwd[2]:").
func beforeColon(subject string) (string, bool) {
	at := strings.IndexAny(subject, ":：")
	if at <= 0 || at > 40 {
		return "", false
	}
	prefix := strings.ToLower(strings.TrimSpace(subject[:at]))
	if i := strings.IndexAny(prefix, "[("); i > 0 {
		prefix = strings.TrimSpace(prefix[:i])
	}
	return prefix, true
}

func isOne(word string, list []string) bool {
	for _, one := range list {
		if word == one {
			return true
		}
	}
	return false
}
