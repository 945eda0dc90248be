package explain

import (
	"regexp"
	"strings"
)

// cue is what tells the command that was refused.
type cue struct {
	verb  string
	words func() *regexp.Regexp
}

// answered are the words in which servers and clients say which command a
// reply was for; they are sure.
var answered = []cue{
	{"DATA", words(`in reply to (the )?(end of )?data|data command failed|stage: ?'?data|smtpdataerror|(after|at) (end of )?data\b|\bedata\b|\bemessage\b|command: ?'?data|message failed:|data not accepted|after sending message|end-of-message`)},
	{"RCPT", words(`in reply to (the )?rcpt|rcpt to command|rcpt to:? ?<?[^\n]{0,80}(failed|:\s*[45]\d\d)|reject: rcpt|rejected rcpt|after rcpt|stage: ?'?rcpt|smtprecipientsrefused|recipient(s)? (were |was )?(rejected|refused)|command: ?'?rcpt|smtpaddressfailedexception|recipient address rejected|recipient_refused|smtpfailedrecipient`)},
	{"MAIL", words(`in reply to (the )?mail from|mail from command|mail from:? ?<?[^\n]{0,80}(failed|:\s*[45]\d\d)|reject: mail|rejected mail|after mail from|stage: ?'?mail|smtpsenderrefused|command: ?'?mail|sender address rejected|invalid sender`)},
}

// hinted are words that stand beside a reply; a transcript's own commands go before them.
var hinted = []cue{
	{"AUTH", words(`\bauth\b|smtpauthenticationerror|command: ?'?auth|authenticationfailedexception|in reply to auth|auth command|authenticator|auth(entication)? (plain|login|cram|xoauth2|failed|unsuccessful|required failed)|invalid login|could not authenticate|password command failed|login failed|username and password not accepted|sasl`)},
	{"EHLO", words(`in reply to [eh]+lo|rejected [eh]+lo|ehlo (command )?(failed|not accepted|rejected)|smtpheloerror|command: ?'?[eh]+lo|\b[eh]elo/ehlo|invalid helo|\(ehlo\)`)},
	{"STARTTLS", words(`starttls|smtpnotsupportederror`)},
}

// greeted are the words for a refusal in place of a greeting.
var greeted = words(`invalid greeting|_actiongreeting|refused to talk to me|(bad|unexpected|wrong|received|error) (greeting|banner)|instead of (a )?(greeting|220)`)

// command finds a client's command in a transcript, behind the marks that
// programs put before it.
var command = compiled(`(?im)(?:^|[>:|'"-])[ \t]{0,3}(EHLO|HELO|MAIL FROM|RCPT TO|DATA|AUTH|STARTTLS)\b(?:[ :]|\\?r|$)`)

// authCodes are replies that only a login gets.
var authCodes = map[int]bool{535: true, 534: true, 435: true, 432: true, 538: true}

// placeOf tells the command that was refused and the steps it can be from.
func placeOf(text string, r reply) (verb string, steps []string) {
	if authCodes[r.code] {
		return "AUTH", stepsOf("AUTH")
	}
	if r.code != 0 && greeted().MatchString(text) {
		return "", []string{"greeting"}
	}
	if verb = verbIn(answered, text); verb == "" {
		verb = commandBefore(text, r)
	}
	if verb == "" {
		verb = verbIn(hinted, text)
	}
	if verb == "" {
		return "", stepsOfReply(r)
	}
	return verb, stepsOf(verb)
}

func verbIn(cues []cue, text string) string {
	for _, c := range cues {
		if c.words().MatchString(text) {
			return c.verb
		}
	}
	return ""
}

// commandBefore is the last command of a transcript before the refusal. One
// command alone is no transcript.
func commandBefore(text string, r reply) string {
	if r.code == 0 {
		return ""
	}
	all := command().FindAllStringSubmatch(text[:min(len(text), r.at)], -1)
	if len(all) == 0 || len(all) == 1 && strings.Count(text, "\n") < 2 {
		return ""
	}
	verb, _, _ := strings.Cut(strings.ToUpper(all[len(all)-1][1]), " ")
	if verb == "HELO" {
		return "EHLO"
	}
	return verb
}

// stepsOf are the steps in which a command is sent.
func stepsOf(verb string) []string {
	switch verb {
	case "AUTH":
		return []string{"auth"}
	case "EHLO":
		return []string{"ehlo", "ehlo-tls"}
	case "STARTTLS":
		return []string{"starttls", "ehlo"}
	case "DATA":
		return []string{"message"}
	}
	return []string{"sender", "message"}
}

// stepsOfReply tells where a reply without any words around it can come from.
func stepsOfReply(r reply) []string {
	switch {
	case r.code == 454:
		return []string{"starttls", "auth", "sender"}
	case r.code == 530:
		return []string{"auth", "sender", "message"}
	case r.code >= 440 && r.code < 500 || r.code >= 540:
		return []string{"sender", "message"}
	case r.code == 0 && r.enhanced == "":
		return nil
	}
	return []string{"greeting", "ehlo", "ehlo-tls", "starttls", "auth", "sender", "message"}
}
