package explain

import "regexp"

// cue is what tells the command that was refused.
type cue struct {
	verb  string
	steps []string
	words *regexp.Regexp
}

var cues = []cue{
	{"DATA", []string{"message"}, words(`in reply to (end of )?data|data command failed|stage: ?'?data|smtpdataerror|end of data|after (end of )?data\b|edata\b|emessage\b|command: ?'?data|message failed:|data not accepted`)},
	{"RCPT", []string{"sender", "message"}, words(`in reply to rcpt|rcpt to command|rcpt to:? ?<?[^\n]{0,80}(failed|:\s*[45]\d\d)|reject: rcpt|rejected rcpt|stage: ?'?rcpt|smtprecipientsrefused|recipient(s)? (were |was )?(rejected|refused)|command: ?'?rcpt|smtpaddressfailedexception|recipient address rejected|recipient_refused|smtpfailedrecipient`)},
	{"MAIL", []string{"sender", "message"}, words(`in reply to mail from|mail from command|mail from:? ?<?[^\n]{0,80}(failed|:\s*[45]\d\d)|reject: mail|rejected mail|stage: ?'?mail|smtpsenderrefused|eenvelope.{0,40}mail from|command: ?'?mail|smtpsendfailedexception.{0,40}mail|sender address rejected|invalid sender`)},
	{"AUTH", []string{"auth"}, words(`\beauth\b|smtpauthenticationerror|command: ?'?auth|authenticationfailedexception|in reply to auth|auth command|authenticator|auth(entication)? (plain|login|cram|xoauth2|failed|unsuccessful|required failed)|invalid login|could not authenticate|password command failed|login failed|username and password not accepted|sasl`)},
	{"EHLO", []string{"ehlo", "ehlo-tls"}, words(`in reply to [eh]+lo|rejected [eh]+lo|ehlo (command )?(failed|not accepted|rejected)|smtpheloerror|command: ?'?[eh]+lo|\b[eh]elo/ehlo|invalid helo|\(ehlo\)`)},
	{"STARTTLS", []string{"starttls", "ehlo"}, words(`starttls|smtpnotsupportederror`)},
}

// authCodes are replies that only a login gets.
var authCodes = map[int]bool{535: true, 534: true, 435: true, 432: true, 538: true}

// placeOf tells the command that was refused and the steps it can be from.
func placeOf(text string, r reply) (verb string, steps []string) {
	for _, c := range cues {
		if c.words.MatchString(text) {
			return c.verb, c.steps
		}
	}
	if authCodes[r.code] {
		return "AUTH", []string{"auth"}
	}
	return "", stepsOf(r)
}

// stepsOf tells where a reply without any words around it can come from; none: anywhere.
func stepsOf(r reply) []string {
	switch {
	case r.code == 0 || r.code == 421:
		return nil
	case r.code == 454:
		return []string{"starttls", "auth", "sender"}
	case r.code == 530:
		return []string{"auth", "sender", "message"}
	case r.code < 500 || r.code >= 540:
		return []string{"sender", "message"}
	}
	return nil
}
