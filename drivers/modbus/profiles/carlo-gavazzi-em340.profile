title: Carlo Gavazzi EM330/EM340
source: Carlo Gavazzi, EM300 Series and ET300 Series Communication Protocol, version 2 revision 17
confirmed: addresses, factors and word order by volkszaehler/mbmd (meters/rs485/carlogavazzi-ex3x0.go); word order, limit of 50 registers and what stands for an overflow by nobrega8/mbmap-library (carlo-gavazzi/em340)
order: CDAB
max_registers: 50

name,table,address,type,multiply,missing,unit,doc
voltage_l1,input,0x0000,int32,0.1,0x7FFFFFFF,V,line to neutral
voltage_l2,input,0x0002,int32,0.1,0x7FFFFFFF,V,line to neutral
voltage_l3,input,0x0004,int32,0.1,0x7FFFFFFF,V,line to neutral
current_l1,input,0x000C,int32,0.001,0x7FFFFFFF,A,
current_l2,input,0x000E,int32,0.001,0x7FFFFFFF,A,
current_l3,input,0x0010,int32,0.001,0x7FFFFFFF,A,
power_l1,input,0x0012,int32,0.1,0x7FFFFFFF,W,
power_l2,input,0x0014,int32,0.1,0x7FFFFFFF,W,
power_l3,input,0x0016,int32,0.1,0x7FFFFFFF,W,
power,input,0x0028,int32,0.1,0x7FFFFFFF,W,all phases
power_factor_l1,input,0x002E,int16,0.001,,,
power_factor_l2,input,0x002F,int16,0.001,,,
power_factor_l3,input,0x0030,int16,0.001,,,
power_factor,input,0x0031,int16,0.001,,,all phases
frequency,input,0x0033,uint16,0.1,,Hz,
energy_import,input,0x0034,int32,0.1,0x7FFFFFFF,kWh,active energy taken
energy_import_l1,input,0x0040,int32,0.1,0x7FFFFFFF,kWh,
energy_import_l2,input,0x0042,int32,0.1,0x7FFFFFFF,kWh,
energy_import_l3,input,0x0044,int32,0.1,0x7FFFFFFF,kWh,
energy_export,input,0x004E,int32,0.1,0x7FFFFFFF,kWh,active energy given
