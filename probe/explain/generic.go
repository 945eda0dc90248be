package explain

// generic are sentences of applications that name no cause.
var generic = words(`could not (be )?(authenticate|connect to (the )?(smtp|mail|server)|establish|send)|couldn.t (connect|authenticate|send|establish)|(smtp|mail|server)[^\n]{0,30}(connection|connect\(\)|verbindung)[^\n]{0,30}(failed|could not|fehlgeschlagen|nicht|error)|failed to (connect|authenticate|send|establish)|connection (to|with)[^\n]{0,40}(failed|could not)|unable to (connect|send|authenticate|establish)|cannot (connect|send|establish)|can.t connect|error (while )?sending|e?mail (could|was) not (be )?sent|verbindung[^\n]{0,50}(nicht|fehlgeschlagen|unterbrochen)|keine verbindung[^\n]{0,80}(hergestellt|aufgebaut|m(ö|oe)glich)|(kann|konnte)[^\n]{0,40}nicht[^\n]{0,20}(hergestellt|gesendet|versendet|verbinden|verschickt|zugestellt)|(fehler|problem)[^\n]{0,20}(beim|bei)[^\n]{0,20}(senden|versand|verbind|anmeld)|fehlgeschlagen|smtp[- ]?fehler|smtp[- ]?error`)

func isGeneric(text string) bool { return generic().MatchString(text) }
