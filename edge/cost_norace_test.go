//go:build !race

package edge_test

// stations is how many of the stations of TestForecast are played: all.
const stations = 21
