title: Schneider Electric iEM3155
source: Schneider Electric, iEM3100 / iEM3200 / iEM3300 series User Manual DOCA0005EN, Communications via Modbus
confirmed: each register by the list of star.ke.st (schneider-iem3100-iem3200-iem3300) but for the energy, and by that of aggsoft.com (farnell-iem3100-iem3200) but for the frequency; that the address on the line is the number of the manual less 1 by the former and by nobrega8/mbmap-library (schneider-electric/iem3000), which was tested on an iEM3155
note: also for the iEM3150, 3250, 3255, 3350 and 3355; values that a model does not have are published as bad
order: ABCD

name,table,address,type,multiply,unit,doc
current_l1,holding,2999,float32,,A,
current_l2,holding,3001,float32,,A,
current_l3,holding,3003,float32,,A,
current,holding,3009,float32,,A,mean of the phases
voltage_l1,holding,3027,float32,,V,line to neutral
voltage_l2,holding,3029,float32,,V,line to neutral
voltage_l3,holding,3031,float32,,V,line to neutral
voltage,holding,3035,float32,,V,mean of the phases
power_l1,holding,3053,float32,1000,W,
power_l2,holding,3055,float32,1000,W,
power_l3,holding,3057,float32,1000,W,
power,holding,3059,float32,1000,W,all phases
reactive_power,holding,3067,float32,1000,var,all phases; not on an iEM3150
apparent_power,holding,3075,float32,1000,VA,all phases; not on an iEM3150
frequency,holding,3109,float32,,Hz,
energy_import,holding,3203,int64,0.001,kWh,active energy taken
