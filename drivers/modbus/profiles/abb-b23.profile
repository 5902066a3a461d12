title: ABB B23/B24
source: ABB, B23/B24 User Manual 2CMC485003M0201, chapter Modbus, mapping tables
confirmed: all but the power factors by volkszaehler/mbmd (meters/rs485/abb.go) and victronenergy/dbus-modbus-client (abb.py), with types and factors; the power factors by mbmd alone; the identity by dbus-modbus-client alone; what stands for no value by mbmd and by openWB's module for the B23
note: bronze meters have no export; what a meter does not have is published as bad. The B21 has no values for phases
identity: holding 0x8960 uint32 0x42323320 0x42323420
order: ABCD

name,table,address,type,multiply,missing,unit,doc
energy_import,holding,0x5000,uint64,0.01,0xFFFFFFFFFFFFFFFF,kWh,active energy taken
energy_export,holding,0x5004,uint64,0.01,0xFFFFFFFFFFFFFFFF,kWh,active energy given
energy_import_l1,holding,0x5460,uint64,0.01,0xFFFFFFFFFFFFFFFF,kWh,
energy_import_l2,holding,0x5464,uint64,0.01,0xFFFFFFFFFFFFFFFF,kWh,
energy_import_l3,holding,0x5468,uint64,0.01,0xFFFFFFFFFFFFFFFF,kWh,
energy_export_l1,holding,0x546C,uint64,0.01,0xFFFFFFFFFFFFFFFF,kWh,
energy_export_l2,holding,0x5470,uint64,0.01,0xFFFFFFFFFFFFFFFF,kWh,
energy_export_l3,holding,0x5474,uint64,0.01,0xFFFFFFFFFFFFFFFF,kWh,
voltage_l1,holding,0x5B00,uint32,0.1,0xFFFFFFFF,V,line to neutral
voltage_l2,holding,0x5B02,uint32,0.1,0xFFFFFFFF,V,line to neutral
voltage_l3,holding,0x5B04,uint32,0.1,0xFFFFFFFF,V,line to neutral
current_l1,holding,0x5B0C,uint32,0.01,0xFFFFFFFF,A,
current_l2,holding,0x5B0E,uint32,0.01,0xFFFFFFFF,A,
current_l3,holding,0x5B10,uint32,0.01,0xFFFFFFFF,A,
power,holding,0x5B14,int32,0.01,0x7FFFFFFF,W,all phases
power_l1,holding,0x5B16,int32,0.01,0x7FFFFFFF,W,
power_l2,holding,0x5B18,int32,0.01,0x7FFFFFFF,W,
power_l3,holding,0x5B1A,int32,0.01,0x7FFFFFFF,W,
frequency,holding,0x5B2C,uint16,0.01,0xFFFF,Hz,
power_factor,holding,0x5B3A,int16,0.001,0x7FFF,,all phases
power_factor_l1,holding,0x5B3B,int16,0.001,0x7FFF,,
power_factor_l2,holding,0x5B3C,int16,0.001,0x7FFF,,
power_factor_l3,holding,0x5B3D,int16,0.001,0x7FFF,,
