# formail's own way of replacing a field: the old one stays as Old-From.
formail -i 'From: Jobs <old-from@company.example>' -i 'Subject: application' -I 'X-Loop: old-from@company.example' |
  /usr/sbin/sendmail -i -f old-from@company.example -- in@app.example
