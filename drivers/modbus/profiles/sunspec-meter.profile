title: SunSpec meter
source: SunSpec Alliance, information models 201 to 204 (github.com/sunspec/models, json/model_203.json)
confirmed: by the model of the SunSpec Alliance itself, which is the specification
note: for the meters beside inverters that are set to SunSpec with integers and scale factors; they often have a unit_id of their own. Which direction is export is as the device has it. Addresses count from the beginning of the model, which is looked up
model: 201..204
order: ABCD

name,table,address,scale,type,missing,unit,doc
current,holding,2,6,int16,0x8000,A,all phases
current_l1,holding,3,6,int16,0x8000,A,
current_l2,holding,4,6,int16,0x8000,A,
current_l3,holding,5,6,int16,0x8000,A,
voltage,holding,7,15,int16,0x8000,V,mean of the phases
voltage_l1,holding,8,15,int16,0x8000,V,line to neutral
voltage_l2,holding,9,15,int16,0x8000,V,line to neutral
voltage_l3,holding,10,15,int16,0x8000,V,line to neutral
frequency,holding,16,17,int16,0x8000,Hz,
power,holding,18,22,int16,0x8000,W,all phases
power_l1,holding,19,22,int16,0x8000,W,
power_l2,holding,20,22,int16,0x8000,W,
power_l3,holding,21,22,int16,0x8000,W,
apparent_power,holding,23,27,int16,0x8000,VA,
reactive_power,holding,28,32,int16,0x8000,var,
power_factor,holding,33,37,int16,0x8000,%,
energy_export,holding,38,54,uint32,0,Wh,
energy_import,holding,46,54,uint32,0,Wh,
