# The same without a trace of who wrote.
require "editheader";
deleteheader "From";
deleteheader "Reply-To";
addheader "From" "Jobs <nofrom@company.example>";
redirect "in@app.example";
