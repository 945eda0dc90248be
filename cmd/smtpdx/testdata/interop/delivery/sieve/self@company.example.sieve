redirect "self@company.example";
