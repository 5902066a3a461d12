//go:build race

package edge_test

// stations is how many of the stations of TestForecast are played: with the race detector each day takes as long as ten of them.
const stations = 3
