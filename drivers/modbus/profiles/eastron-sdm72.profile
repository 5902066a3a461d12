title: Eastron SDM72DM-V2
source: Eastron, SDM72DM-V2 Smart Meter Modbus Protocol Implementation, input registers
confirmed: each address by volkszaehler/mbmd (meters/rs485/sdm72v2.go); voltages and currents as well by redpesk-industrial/modbus-binding (config-samples/eastron-sdm72d.json); the code by which scan recognises it by the modules for Eastron meters of VenusOS (M-o-a-T/victron-meter-library and others)
note: the first version of the SDM72D-M has fewer values; those that it refuses are published as bad
recognise: holding 0xFC02 uint16 137
order: ABCD
max_registers: 80

name,table,address,type,unit,doc
voltage_l1,input,0x0000,float32,V,line to neutral
voltage_l2,input,0x0002,float32,V,line to neutral
voltage_l3,input,0x0004,float32,V,line to neutral
current_l1,input,0x0006,float32,A,
current_l2,input,0x0008,float32,A,
current_l3,input,0x000A,float32,A,
power_l1,input,0x000C,float32,W,
power_l2,input,0x000E,float32,W,
power_l3,input,0x0010,float32,W,
apparent_power_l1,input,0x0012,float32,VA,
apparent_power_l2,input,0x0014,float32,VA,
apparent_power_l3,input,0x0016,float32,VA,
reactive_power_l1,input,0x0018,float32,var,
reactive_power_l2,input,0x001A,float32,var,
reactive_power_l3,input,0x001C,float32,var,
power_factor_l1,input,0x001E,float32,,
power_factor_l2,input,0x0020,float32,,
power_factor_l3,input,0x0022,float32,,
power,input,0x0034,float32,W,all phases
apparent_power,input,0x0038,float32,VA,all phases
reactive_power,input,0x003C,float32,var,all phases
power_factor,input,0x003E,float32,,all phases
frequency,input,0x0046,float32,Hz,
energy_import,input,0x0048,float32,kWh,active energy taken
energy_export,input,0x004A,float32,kWh,active energy given
energy_total,input,0x0156,float32,kWh,active energy taken and given
reactive_energy_total,input,0x0158,float32,kvarh,
