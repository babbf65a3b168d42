/** Changes the source that `npm run sandbox` serves: 100 new orders, 50 changed ones. Takes the connection string as its argument. */
import { parseConnectionString, SqlServer } from '@icebridge/sqlserver'
import { insertOrders, updateOrders } from './shop.ts'

const [connection] = process.argv.slice(2)
if (connection === undefined) throw new Error('Give the connection string of the source.')
await using source = await SqlServer.connect(parseConnectionString(connection))
for (const statement of [...insertOrders(1001, 1100, 100), updateOrders(1, 50)]) await source.batch(statement)
process.stdout.write('100 orders inserted, 50 changed\n')
