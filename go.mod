module github.com/fwdtools/fwd

go 1.26.0
