title: Eastron SDM120
source: Eastron, SDM120 Modbus Protocol (Smart Meter Modbus Protocol Implementation V2.4), input registers
confirmed: each address by two independent register lists in public programs (volkszaehler/mbmd, meters/rs485/sdm120.go; b00m-in/cc3220s, modbus.h); the code by which scan recognises it by the modules for Eastron meters of VenusOS (M-o-a-T/victron-meter-library and others)
recognise: holding 0xFC02 uint16 32
order: ABCD
max_registers: 80

name,table,address,type,unit,doc
voltage,input,0x0000,float32,V,line to neutral
current,input,0x0006,float32,A,
power,input,0x000C,float32,W,active power
apparent_power,input,0x0012,float32,VA,
reactive_power,input,0x0018,float32,var,
power_factor,input,0x001E,float32,,
frequency,input,0x0046,float32,Hz,
energy_import,input,0x0048,float32,kWh,active energy taken
energy_export,input,0x004A,float32,kWh,active energy given
reactive_energy_import,input,0x004C,float32,kvarh,
reactive_energy_export,input,0x004E,float32,kvarh,
energy_total,input,0x0156,float32,kWh,active energy taken and given
reactive_energy_total,input,0x0158,float32,kvarh,
