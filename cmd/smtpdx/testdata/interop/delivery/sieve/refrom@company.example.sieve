# A gateway's rule: mail to the outside is from our own domain.
require ["editheader", "variables"];
if header :matches "From" "*" { set "from" "${1}"; }
deleteheader "From";
addheader "From" "Jobs <refrom@company.example>";
addheader "Reply-To" "${from}";
redirect "in@app.example";
