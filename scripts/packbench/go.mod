module skerry/scripts/packbench

go 1.26.0

require (
	github.com/klauspost/compress v1.20.3
	skerry v0.0.0
)

replace skerry => ../..
