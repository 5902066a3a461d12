title: Carlo Gavazzi EM24 Ethernet
source: Carlo Gavazzi, EM24_E1 (Ethernet) Communication Protocol, version 0 revision 1.3
confirmed: voltage, current, power, frequency and energy by volkszaehler/mbmd (meters/rs485/carlogavazzi-em24_e1.go) and victronenergy/dbus-modbus-client (carlo_gavazzi.py), with factors and word order; the power factors by mbmd alone; the identity by dbus-modbus-client alone
note: the meter must be set to application H, else energy_export counts something else. The EM24 with RS-485 has another map
identity: input 0x000B uint16 1648..1653
order: CDAB
max_registers: 50

name,table,address,type,multiply,missing,unit,doc
voltage_l1,input,0x0000,int32,0.1,,V,line to neutral
voltage_l2,input,0x0002,int32,0.1,,V,line to neutral
voltage_l3,input,0x0004,int32,0.1,,V,line to neutral
current_l1,input,0x000C,int32,0.001,,A,
current_l2,input,0x000E,int32,0.001,,A,
current_l3,input,0x0010,int32,0.001,,A,
power_l1,input,0x0012,int32,0.1,,W,
power_l2,input,0x0014,int32,0.1,,W,
power_l3,input,0x0016,int32,0.1,,W,
power,input,0x0028,int32,0.1,,W,all phases
power_factor_l1,input,0x002E,int16,0.001,,,
power_factor_l2,input,0x002F,int16,0.001,,,
power_factor_l3,input,0x0030,int16,0.001,,,
power_factor,input,0x0031,int16,0.001,,,all phases
frequency,input,0x0033,uint16,0.1,,Hz,
energy_import,input,0x0034,int32,0.1,,kWh,active energy taken
energy_import_l1,input,0x0040,int32,0.1,,kWh,
energy_import_l2,input,0x0042,int32,0.1,,kWh,
energy_import_l3,input,0x0044,int32,0.1,,kWh,
energy_export,input,0x004E,int32,0.1,,kWh,active energy given
