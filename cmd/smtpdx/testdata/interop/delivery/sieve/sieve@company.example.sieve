redirect "in@app.example";
