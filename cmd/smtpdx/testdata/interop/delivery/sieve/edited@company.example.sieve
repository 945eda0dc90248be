require ["editheader", "variables"];
if header :matches "Subject" "*" { set "subject" "${1}"; }
deleteheader "Subject";
addheader :last "Subject" "[Jobs] ${subject}";
addheader "X-Forwarded-For" "edited@company.example in@app.example";
redirect "in@app.example";
