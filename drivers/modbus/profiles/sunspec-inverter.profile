title: SunSpec inverter
source: SunSpec Alliance, information models 101, 102 and 103 (github.com/sunspec/models, json/model_103.json)
confirmed: by the model of the SunSpec Alliance itself, which is the specification; the first offsets as well by wz2b/sunspec-models-kotlin
note: for Fronius, SMA, SolarEdge, Kostal, ABB and others that are set to SunSpec with integers and scale factors ("int+SF"). Addresses count from the beginning of the model, which is looked up
model: 101..103
order: ABCD

name,table,address,scale,type,missing,unit,doc
current,holding,2,6,uint16,0xFFFF,A,all phases
current_l1,holding,3,6,uint16,0xFFFF,A,
current_l2,holding,4,6,uint16,0xFFFF,A,
current_l3,holding,5,6,uint16,0xFFFF,A,
voltage_l1,holding,10,13,uint16,0xFFFF,V,line to neutral
voltage_l2,holding,11,13,uint16,0xFFFF,V,line to neutral
voltage_l3,holding,12,13,uint16,0xFFFF,V,line to neutral
power,holding,14,15,int16,0x8000,W,given by the inverter
frequency,holding,16,17,uint16,0xFFFF,Hz,
apparent_power,holding,18,19,int16,0x8000,VA,
reactive_power,holding,20,21,int16,0x8000,var,
power_factor,holding,22,23,int16,0x8000,%,
energy,holding,24,26,uint32,0,Wh,given since it was built
dc_current,holding,27,28,uint16,0xFFFF,A,
dc_voltage,holding,29,30,uint16,0xFFFF,V,
dc_power,holding,31,32,int16,0x8000,W,
temperature,holding,33,37,int16,0x8000,°C,of the cabinet
heat_sink_temperature,holding,34,37,int16,0x8000,°C,
state,holding,38,,uint16,0xFFFF,,1 off; 2 sleeping; 3 starting; 4 running; 5 throttled; 6 shutting down; 7 fault; 8 standby
