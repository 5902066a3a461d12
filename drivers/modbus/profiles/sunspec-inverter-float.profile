title: SunSpec inverter (float)
source: SunSpec Alliance, information models 111, 112 and 113 (github.com/sunspec/models, json/model_113.json)
confirmed: by the model of the SunSpec Alliance itself, which is the specification; the currents as well by the list for the Fronius Tauro on proxus.io
note: for inverters that are set to SunSpec with floating-point numbers, as Fronius are at first. Addresses count from the beginning of the model, which is looked up
model: 111..113
order: ABCD

name,table,address,type,missing,unit,doc
current,holding,2,float32,,A,all phases
current_l1,holding,4,float32,,A,
current_l2,holding,6,float32,,A,
current_l3,holding,8,float32,,A,
voltage_l1,holding,16,float32,,V,line to neutral
voltage_l2,holding,18,float32,,V,line to neutral
voltage_l3,holding,20,float32,,V,line to neutral
power,holding,22,float32,,W,given by the inverter
frequency,holding,24,float32,,Hz,
apparent_power,holding,26,float32,,VA,
reactive_power,holding,28,float32,,var,
power_factor,holding,30,float32,,%,
energy,holding,32,float32,,Wh,given since it was built; of 24 bits: some parts in ten million
dc_current,holding,34,float32,,A,
dc_voltage,holding,36,float32,,V,
dc_power,holding,38,float32,,W,
temperature,holding,40,float32,,°C,of the cabinet
heat_sink_temperature,holding,42,float32,,°C,
state,holding,48,uint16,0xFFFF,,1 off; 2 sleeping; 3 starting; 4 running; 5 throttled; 6 shutting down; 7 fault; 8 standby
