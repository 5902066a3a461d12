title: Victron GX system
source: Victron Energy, CCGX-Modbus-TCP-register-list, service com.victronenergy.system
confirmed: 840 to 844 by an extract of the list itself; 817 to 822, 850 and 851 by rbritton/victron-system-monitor (ModbusRegister.php), of these 820 to 822 and 850 as well by evcc's templates
note: Modbus TCP must be switched on in the settings of the GX device. Powers are of 16 bits: beyond 32 kW they cannot be right
unit_id: 100
order: ABCD
max_gap: 8

name,table,address,type,multiply,unit,doc
consumption_l1,holding,817,uint16,,W,power of the loads
consumption_l2,holding,818,uint16,,W,power of the loads
consumption_l3,holding,819,uint16,,W,power of the loads
grid_l1,holding,820,int16,,W,power taken from the grid
grid_l2,holding,821,int16,,W,power taken from the grid
grid_l3,holding,822,int16,,W,power taken from the grid
battery_voltage,holding,840,uint16,0.1,V,
battery_current,holding,841,int16,0.1,A,positive while it is charged
battery_power,holding,842,int16,,W,positive while it is charged
battery_charge,holding,843,uint16,,%,state of charge
battery_state,holding,844,uint16,,,0 idle; 1 charging; 2 discharging
pv_power,holding,850,uint16,,W,of all solar chargers
pv_current,holding,851,int16,0.1,A,of all solar chargers
