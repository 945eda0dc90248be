package explain

import (
	"slices"
	"strconv"
	"strings"
)

// reply is a server's refusal found in a text.
type reply struct {
	code     int
	enhanced string
	at       int // where it begins
	points   int // how much it looks like a reply
}

// replyCode finds what can be a reply code with its enhanced code: 535 5.7.8,
// 535-5.7.8, (535, b'5.7.8, "code 535", 535: 5.7.8, #550 5.7.1.
var replyCode = compiled(`(?:^|[^\w.:/@+-]|code[:= ]"?|response[:= ]|_)(4[2-7]\d|5[0-7]\d)(?:[ \t]?[-:,;)\]"'#=|>]{0,4}[ \t]{0,2}(?:\(|\[|b['"]|#|")?([45]\.\d{1,3}\.\d{1,3})\b|([ \t]*[-:,;)\]"'|>=\n]|[ \t]|$))`)

// enhancedAlone finds an enhanced code that has no reply code before it.
var enhancedAlone = compiled(`(?:^|[^\w.:/-])([45]\.\d\.\d{1,3})(?:$|[^\w.]|\.(?:$|\s))`)

// replyBefore is what stands before a code in a reply that is quoted.
var replyBefore = compiled(`(?i)(?:code|said|response|reply|server|error|status|retcode|smtp|got|message|failed|with|returned|data|client|<-?|<<|s:|->|[({\["'` + "`" + `>:|])[\s:="'(#<{\[-]*$`)

// notReply is what stands before a number that is no reply code.
var notReply = compiled(`(?i)\b(?:port|line|pid|id|after|took|bytes|size|\.go:|\.js:|\.py"?, line|errno|in)[\s:=#]*$`)

// processID is what stands before the number of a process in a log: postfix/smtp[535].
var processID = compiled(`[a-z]\[$`)

// known are the codes that servers use; others need more around them.
var known = map[int]bool{421: true, 422: true, 430: true, 431: true, 432: true, 435: true, 450: true, 451: true, 452: true, 453: true, 454: true, 455: true,
	500: true, 501: true, 502: true, 503: true, 504: true, 510: true, 512: true, 521: true, 523: true, 525: true, 530: true, 533: true, 534: true,
	535: true, 538: true, 541: true, 550: true, 551: true, 552: true, 553: true, 554: true, 555: true, 556: true, 557: true, 571: true}

// replies finds the refusals of a text in their order.
func replies(text string) []reply {
	var all []reply
	for _, at := range replyCode().FindAllStringSubmatchIndex(text, -1) {
		code, _ := strconv.Atoi(text[at[2]:at[3]])
		r := reply{code: code, at: at[2]}
		if at[4] >= 0 {
			r.enhanced = text[at[4]:at[5]]
		}
		if r.points = looksLikeReply(text, r, at[3]); r.points > 0 {
			all = append(all, r)
		}
	}
	return append(all, alone(text, all)...)
}

func looksLikeReply(text string, r reply, end int) int {
	before := text[max(0, r.at-40):r.at]
	points := 0
	if r.enhanced != "" && int(r.enhanced[0]-'0') == r.code/100 {
		points += 4
	}
	if known[r.code] {
		points++
	}
	atStart := strings.TrimRight(before, " \t>|") == "" || strings.HasSuffix(strings.TrimRight(before, " \t>|\"'"), "\n")
	if atStart || replyBefore().MatchString(before) {
		points += 2
	}
	if r.enhanced == "" && notReply().MatchString(before) || processID().MatchString(before) {
		return 0
	}
	rest := strings.TrimLeft(text[end:min(len(text), end+30)], " \t-:,;)]\"'#=|b(>")
	if rest != "" && (rest[0] >= 'A' && rest[0] <= 'Z' || rest[0] >= 'a' && rest[0] <= 'z' || rest[0] == '<') {
		points++
	}
	if points < 2 || points == 2 && rest != "" && !atStart && isProse(before, rest) {
		return 0
	}
	return points
}

// isProse tells a number in a sentence ("we have 535 readers") from a code:
// small words stand on both sides of it, and replies do not begin so.
func isProse(before, rest string) bool {
	return rest[0] >= 'a' && rest[0] <= 'z' && wordBefore().MatchString(before) && !replyBefore().MatchString(before) && !replyStarts().MatchString(rest)
}

// wordBefore is a word and a blank at the end of what stands before a number.
var wordBefore = compiled(`\pL[ \t]+$`)

// replyStarts are small words with which replies begin.
var replyStarts = compiled(`^(?:auth\w*|invalid|incorrect|user|user ?name|relay\w*|mail|mailbox|sender|recipient|message|access|login|no|not|sorry|too|need|must|bad|unknown|error|temporar\w*|service|server|syntax|command|denied|rejected|spam|unable|permission|password|domain|quota|your|this|the|please|client|host|ip|spf|dkim|dmarc|tls|address|content|transaction|requested|credential\w*|unrou\w*|blocked|connection|internal|failed|failure|try|greylist\w*|size|data|helo|ehlo)\b`)

// alone finds enhanced codes that no reply code goes with.
func alone(text string, have []reply) []reply {
	if len(have) > 0 {
		return nil
	}
	var all []reply
	for _, at := range enhancedAlone().FindAllStringSubmatchIndex(text, -1) {
		all = append(all, reply{enhanced: text[at[2]:at[3]], at: at[2], points: 2})
	}
	return all
}

// decisive is the refusal that ended it, of those in a text: a refused login
// before what follows from it, else the one that looks most like a reply, and
// no command that the client went on without.
func decisive(text string) (reply, bool) {
	all := replies(text)
	if len(all) == 0 {
		return reply{}, false
	}
	in := lastLogin(text)
	if login, ok := refusedLogin(all, in); ok {
		return login, true
	}
	all = slices.DeleteFunc(all, func(r reply) bool { return authCodes[r.code] && r.at < in })
	if len(all) == 0 {
		return reply{}, false
	}
	best := all[0]
	for _, r := range all[1:] {
		if r.points > best.points+1 || r.points >= best.points && isConsequence(best) {
			best = r
		}
	}
	return withEnhanced(best, all), true
}

// refusedLogin is the login that was refused for good; what comes after it is
// a consequence.
func refusedLogin(all []reply, in int) (reply, bool) {
	for _, r := range all {
		if authCodes[r.code] && r.points > 1 && r.at > in {
			return withEnhanced(r, all), true
		}
	}
	return reply{}, false
}

// lastLogin is where the last login succeeded, -1 when none did; refusals before it count for nothing.
func lastLogin(text string) int {
	if all := loggedIn().FindAllStringIndex(text, -1); len(all) > 0 {
		return all[len(all)-1][0]
	}
	return -1
}

// withEnhanced: programs tell the number first and quote the reply later.
func withEnhanced(r reply, all []reply) reply {
	if r.enhanced != "" {
		return r
	}
	for _, other := range all {
		if other.code == r.code && other.enhanced != "" {
			return other
		}
	}
	return r
}

// isConsequence: servers say these after something else went wrong, or on the way to another try.
func isConsequence(r reply) bool { return r.code == 503 || r.code == 502 || r.code == 500 }
