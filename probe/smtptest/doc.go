/*
Package smtptest is an SMTP server that behaves well or badly in a chosen
way, and judges the client while it does. What it does stands in a
catalogue of dialogues, one text file each: a test, a demonstration and the
documentation of a real fault in one. For the tests of the engine, for
"lab" and "demo", and for whoever wants to reproduce an error.

It shares no code with the client it judges.

# The text of a dialogue

A dialogue is a text file that a mail administrator can read and write:
catalogue/NAME.txt. Lines that begin with # are comments. First what it is and
what the client is asked to use, one "key: value" a line (an indented line goes
on with the value before it):

	title: The account may not send as this address
	teaches: Postfix delays its refusal of a sender until RCPT TO ...
	make: postfix
	encryption: starttls
	account: jobs@acme.example
	password: correct-horse
	from: ceo@acme.example
	expect: fail at sender: sender-not-owned

	RCPT from <ceo@acme.example>
	  553 5.7.1 <{from}>: Sender address rejected: not owned by user {account}

What it is: title, teaches, make (a file of makes/: the healthy server that all
else departs from), expect ("pass", "warn at STEP: CAUSE", "fail at STEP:
CAUSE"), linux_only.

What the client uses: host (localhost unless given), encryption, account,
password, token, auth, from, to (lists with commas), helo, timeout, until, wait
(for a message to arrive), allow_plaintext_auth, insecure. Only encryption has
to be there. A dialogue that is about the step message or delivery, or has a
mailbox, is met by sending a message.

The recipient's mailbox, to be read by IMAP over TLS (any of these, with commas):

	mailbox: inbox | junk | loses | after 2s | twice | adds a footer |
	         rewrites from | forgery | refuses login | is switched off |
	         does not answer

The recipient as an address that redirects to another mailbox, which is the one
that is read then; the sender has a mailbox too, for reports:

	redirect: as it is | rewrites the envelope | forwards | attaches |
	          rewrites from | breaks the signature | twice | loses |
	          comes back | answers

What the server is:

	tcp: refused | timeout | reset
	listen: plain | tls                   by encryption unless given
	name, hello                           its name; first line after EHLO
	capabilities: SIZE 1000, STARTTLS     of EHLO, without AUTH
	without: SMTPUTF8                     left out of them
	capabilities over TLS: none
	mechanisms: PLAIN LOGIN               of AUTH after TLS; or none
	mechanisms in clear: CRAM-MD5         of AUTH before TLS
	login: required                       MAIL without login: 530
	clear text: refused                   AUTH and MAIL without TLS: 530
	early bytes: forbidden                no TLS probe before the greeting's time is over
	server account, server password, server token
	                                      what it knows, if not what the client uses
	login prompts: User: | Pass:          the texts after 334; or bare
	initial response: refused             AUTH with one: 501
	oauth error: {"status":"401"}         challenge before a token's 535
	scram: no-signature | wrong-signature
	iterations: 4096
	certificate: good | expires-soon | weak | hostile | expired | not-yet-valid | misnamed | self-signed |
	             unknown-issuer | missing-intermediate | intercepted
	tls: 1.2-1.3
	ciphers: weak
	client certificate: asked | required

Then events, each followed by what the server does, indented. An event of the
dialogue takes the place of the make's:

	greeting, EHLO, HELO, STARTTLS, handshake, DATA, message, RSET, QUIT, NOOP, unknown
	AUTH, AUTH MECHANISM                  in place of the exchange
	AUTH answered                         in place of the decision
	AUTH accepted, AUTH refused           the decision; all three also AUTH MECHANISM ...
	AUTH without TLS, MAIL without TLS, MAIL without login
	EHLO <NAME>, HELO <NAME>, MAIL <ADDRESS>, RCPT <ADDRESS>, RCPT from <ADDRESS>
	... over TLS, ... in clear            any of these, on one kind of line only

What it does:

	250 text, 250-text, 250               a line of a reply
	say TEXT                              another line
	raw "220 half\x1b"                    bytes as they are, quoted as in Go
	wait 2s                               a pause
	await 2s                              a pause that the client's bytes end
	stall                                 nothing more, until the client goes
	flood "220-more\r\n"                  again and again, until the client goes or 64 MiB are out
	tls                                   the handshake, at once
	alert 40                              a fatal TLS alert in answer to the client's bytes
	close, reset                          the end; reset without farewell

In a reply {name}, {client}, {helo}, {from}, {to}, {id}, {line}, {account},
{password}, {line base64}, {account base64} and {password base64} stand for what
was said; the log shows those that can hold a credential as they are written here.

A block "dns" has the names that a DNS server on loopback knows; all others do
not exist:

	dns
	  mail.acme.example CNAME mx7.acme.example
	  mx7.acme.example A 127.0.0.1
	  acme.example MX 10 mail.acme.example
	  acme.example TXT v=spf1 mx -all
	  old.acme.example nxdomain           or servfail, nodata, silent

What follows "on ::1" holds at that address only; it stands last.

# What the judge objects to

Hanging up without QUIT; more than two connections at once to an address; bytes
before the greeting (a second connection that tries TLS during a silence may);
commands out of order or unknown, a lone * too; AUTH again with credentials that
were answered; an AUTH command of more than 512 octets; AUTH on an unencrypted
line or after a bad certificate unless the settings allow it; going on with SCRAM
that has a senseless count or a wrong proof; a wrong answer to a token's refusal;
MAIL and RCPT without angle brackets; an address beyond ASCII without SMTPUTF8; a
transaction left open after RCPT; DATA, where no message is expected; a parameter
of MAIL or RCPT that is not offered; a message without From, To, Date, Message-ID
or Subject, with long lines, a NUL, undeclared 8-bit octets, or larger than SIZE.
*/
package smtptest
