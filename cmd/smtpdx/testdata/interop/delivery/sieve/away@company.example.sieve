require "vacation";
redirect "in@app.example";
vacation :days 1 :subject "Out of office" "I am away until Monday.";
