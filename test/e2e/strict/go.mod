module strict

go 1.24
