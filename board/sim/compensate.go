package sim

import "sort"

// The calibration of the simulated chip: for temperature and pressure that of the example in Bosch's datasheet
// (BST-BMP280-DS001, section 3.12), in the order of the registers; for humidity values as on real chips.
var calibrationTP = [12]int{27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000}

const h1, h2, h3, h4, h5, h6 = 75, 361, 0, 324, 50, 30

// rawOf turns the compensation around: the converter's numbers that a driver turns into this air. Each formula grows or falls all along
// its range, so the number is found by halving.
func rawOf(a Air) (t, p, h int) {
	t = sort.Search(1<<20, func(raw int) bool { _, c := celsius(raw); return c >= a.Temperature })
	fine, _ := celsius(t)
	p = sort.Search(1<<20, func(raw int) bool { return pascal(raw, fine) <= a.Pressure*100 })
	h = sort.Search(1<<16, func(raw int) bool { return percent(raw, fine) >= a.Humidity })
	return min(t, 1<<20-1), min(p, 1<<20-1), min(h, 1<<16-1)
}

// celsius is the datasheet's formula for temperature in floating point (section 8.1 of BST-BMP280-DS001).
func celsius(raw int) (fine, c float64) {
	t1, t2, t3 := float64(calibrationTP[0]), float64(calibrationTP[1]), float64(calibrationTP[2])
	v1 := (float64(raw)/16384 - t1/1024) * t2
	v2 := float64(raw)/131072 - t1/8192
	fine = v1 + v2*v2*t3
	return fine, fine / 5120
}

// pascal is the formula for pressure.
func pascal(raw int, fine float64) float64 {
	var d [10]float64
	for i := 1; i < 10; i++ {
		d[i] = float64(calibrationTP[2+i])
	}
	v1 := fine/2 - 64000
	v2 := v1*v1*d[6]/32768 + v1*d[5]*2
	v2 = v2/4 + d[4]*65536
	v1 = (d[3]*v1*v1/524288 + d[2]*v1) / 524288
	v1 = (1 + v1/32768) * d[1]
	p := (1048576 - float64(raw) - v2/4096) * 6250 / v1
	return p + (d[9]*p*p/2147483648+p*d[8]/32768+d[7])/16
}

// percent is the formula for humidity (section 8.1 of BST-BME280-DS002).
func percent(raw int, fine float64) float64 {
	v := fine - 76800
	v = (float64(raw) - (h4*64.0 + h5/16384.0*v)) * (h2 / 65536.0 * (1 + h6/67108864.0*v*(1+h3/67108864.0*v)))
	return v * (1 - h1*v/524288.0)
}
