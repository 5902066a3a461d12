title: Eastron SDM630
source: Eastron, SDM630Modbus Smart Meter Modbus Protocol Implementation V1.8, input registers
confirmed: voltages, currents, powers and power factors of the phases, totals, frequency and energies by volkszaehler/mbmd (meters/rs485/sdm.go); voltages, currents, powers and apparent powers of the phases as well by the gist biancode/1da656e9; 0x0034, 0x0048 and 0x004A by a third list; apparent and reactive powers of the phases and 0x0158 by mbmd's list for the SDM72 of the same maker, which has the same table; limit of 80 registers and even lengths by nobrega8/mbmap-library (eastron/sdm630-modbus); the code by which scan recognises it by the modules for Eastron meters of VenusOS (M-o-a-T/victron-meter-library and others)
recognise: holding 0xFC02 uint16 112
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
energy_import_l1,input,0x015A,float32,kWh,
energy_import_l2,input,0x015C,float32,kWh,
energy_import_l3,input,0x015E,float32,kWh,
energy_export_l1,input,0x0160,float32,kWh,
energy_export_l2,input,0x0162,float32,kWh,
energy_export_l3,input,0x0164,float32,kWh,
