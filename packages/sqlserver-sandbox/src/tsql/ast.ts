import type { SqlType, SqlValue } from '../session.ts'
import type { IndexFilter } from './index-filter.ts'

/** One to four parts: [server.][database.][schema.]object. An omitted part is the empty string. */
export type ObjectName = readonly string[]

/** A type as written: `nvarchar(20)`, `dbo.Name`. */
export interface TypeName {
  readonly name: string
  readonly schema?: string
  readonly arguments: readonly (number | 'max')[]
}

export type Expression =
  | { readonly kind: 'literal'; readonly type: SqlType; readonly value: SqlValue }
  | { readonly kind: 'null' }
  | { readonly kind: 'default' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'column'; readonly parts: readonly string[] }
  | { readonly kind: 'star'; readonly qualifier: readonly string[] }
  | { readonly kind: 'unary'; readonly operator: '-' | '+' | '~'; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'compare'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'isNull'; readonly operand: Expression; readonly negated: boolean }
  | {
      readonly kind: 'like'
      readonly operand: Expression
      readonly pattern: Expression
      readonly escape: Expression | undefined
      readonly negated: boolean
    }
  | {
      readonly kind: 'between'
      readonly operand: Expression
      readonly low: Expression
      readonly high: Expression
      readonly negated: boolean
    }
  | {
      readonly kind: 'in'
      readonly operand: Expression
      readonly list: readonly Expression[] | Query
      readonly negated: boolean
    }
  | { readonly kind: 'exists'; readonly query: Query }
  | {
      readonly kind: 'case'
      readonly operand: Expression | undefined
      readonly whens: readonly { readonly when: Expression; readonly result: Expression }[]
      readonly otherwise: Expression | undefined
    }
  | {
      readonly kind: 'cast'
      readonly operand: Expression
      readonly type: TypeName
      readonly attempt: boolean
      readonly style: Expression | undefined
    }
  | {
      readonly kind: 'call'
      readonly name: string
      readonly schema: string | undefined
      readonly arguments: readonly Expression[]
      readonly distinct: boolean
      readonly star: boolean
      readonly over: Over | undefined
      readonly withinGroup: readonly OrderItem[] | undefined
    }
  | { readonly kind: 'subquery'; readonly query: Query }
  | { readonly kind: 'collate'; readonly operand: Expression; readonly collation: string }

export interface Over {
  readonly partitionBy: readonly Expression[]
  readonly orderBy: readonly OrderItem[]
  readonly frame: string | undefined
}

export interface OrderItem {
  readonly expression: Expression
  readonly descending: boolean
}

export interface SelectItem {
  readonly expression: Expression
  readonly alias: string | undefined
  /** SELECT @x = expression */
  readonly variable?: string
}

export type FromItem =
  | {
      readonly kind: 'table'
      readonly name: ObjectName
      readonly alias: string | undefined
      readonly hints: readonly string[]
    }
  | { readonly kind: 'variable'; readonly name: string; readonly alias: string | undefined }
  | {
      readonly kind: 'function'
      readonly name: ObjectName
      readonly arguments: readonly Expression[]
      readonly alias: string | undefined
    }
  | {
      readonly kind: 'derived'
      readonly query: Query
      readonly alias: string
      readonly columns: readonly string[] | undefined
    }
  | {
      readonly kind: 'values'
      readonly rows: readonly (readonly Expression[])[]
      readonly alias: string
      readonly columns: readonly string[]
    }
  | {
      readonly kind: 'join'
      readonly type: 'inner' | 'left' | 'right' | 'full' | 'cross' | 'crossApply' | 'outerApply'
      readonly left: FromItem
      readonly right: FromItem
      readonly on: Expression | undefined
    }

export interface Select {
  readonly kind: 'select'
  readonly distinct: boolean
  readonly top: { readonly count: Expression; readonly percent: boolean; readonly withTies: boolean } | undefined
  readonly items: readonly SelectItem[]
  readonly into: ObjectName | undefined
  readonly from: FromItem | undefined
  readonly where: Expression | undefined
  readonly groupBy: readonly Expression[]
  readonly having: Expression | undefined
}

export interface SetOperation {
  readonly kind: 'set'
  readonly operator: 'union' | 'unionAll' | 'except' | 'intersect'
  readonly left: QueryBody
  readonly right: QueryBody
}

export type QueryBody = Select | SetOperation

export interface Query {
  readonly kind: 'query'
  readonly with: readonly CommonTable[]
  readonly body: QueryBody
  readonly orderBy: readonly OrderItem[]
  readonly offset: Expression | undefined
  readonly fetch: Expression | undefined
}

export interface CommonTable {
  readonly name: string
  readonly columns: readonly string[] | undefined
  readonly query: Query
}

export interface Output {
  readonly items: readonly SelectItem[]
  readonly into: { readonly target: DmlTarget; readonly columns: readonly string[] | undefined } | undefined
}

export type DmlTarget =
  | { readonly kind: 'table'; readonly name: ObjectName; readonly hints: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string }

export interface Assignment {
  readonly column: string | undefined
  readonly variable: string | undefined
  readonly value: Expression
}

export interface IndexColumn {
  readonly name: string
  readonly descending: boolean
}

export type TableConstraint =
  | {
      readonly kind: 'primaryKey' | 'unique'
      readonly name: string | undefined
      readonly clustered: boolean | undefined
      readonly columns: readonly IndexColumn[]
    }
  | {
      readonly kind: 'foreignKey'
      readonly name: string | undefined
      readonly columns: readonly string[]
      readonly table: ObjectName
      readonly references: readonly string[]
      readonly onDelete: string
      readonly onUpdate: string
    }
  | {
      readonly kind: 'check'
      readonly name: string | undefined
      readonly text: string
      readonly column: string | undefined
    }
  | { readonly kind: 'default'; readonly name: string | undefined; readonly text: string; readonly column: string }

export interface ColumnSpec {
  readonly name: string
  readonly type: TypeName | undefined
  readonly computed: { readonly text: string; readonly persisted: boolean } | undefined
  readonly nullable: boolean | undefined
  readonly identity: { readonly seed: bigint; readonly increment: bigint } | undefined
  readonly collation: string | undefined
  readonly sparse: boolean
  readonly rowGuid: boolean
}

export interface TableBody {
  readonly columns: readonly ColumnSpec[]
  readonly constraints: readonly TableConstraint[]
  readonly indexes: readonly {
    readonly name: string
    readonly unique: boolean
    readonly clustered: boolean
    readonly columns: readonly IndexColumn[]
  }[]
}

export type AlterAction =
  | { readonly kind: 'add'; readonly body: TableBody }
  | { readonly kind: 'dropColumn'; readonly names: readonly string[]; readonly ifExists: boolean }
  | { readonly kind: 'dropConstraint'; readonly names: readonly string[]; readonly ifExists: boolean }
  | { readonly kind: 'alterColumn'; readonly column: ColumnSpec }

export interface MergeWhen {
  readonly match: 'matched' | 'notMatchedByTarget' | 'notMatchedBySource'
  readonly condition: Expression | undefined
  readonly action:
    | { readonly kind: 'update'; readonly set: readonly Assignment[] }
    | { readonly kind: 'delete' }
    | {
        readonly kind: 'insert'
        readonly columns: readonly string[] | undefined
        readonly values: readonly Expression[] | undefined
      }
}

type StatementBody =
  | { readonly kind: 'select'; readonly query: Query }
  | {
      readonly kind: 'insert'
      readonly with: readonly CommonTable[]
      readonly target: DmlTarget
      readonly columns: readonly string[] | undefined
      readonly output: Output | undefined
      readonly source:
        | { readonly kind: 'values'; readonly rows: readonly (readonly Expression[])[] }
        | { readonly kind: 'query'; readonly query: Query }
        | { readonly kind: 'defaults' }
        | { readonly kind: 'execute'; readonly statement: Statement }
    }
  | {
      readonly kind: 'update'
      readonly with: readonly CommonTable[]
      readonly top: Expression | undefined
      readonly target: DmlTarget
      readonly set: readonly Assignment[]
      readonly output: Output | undefined
      readonly from: FromItem | undefined
      readonly where: Expression | undefined
    }
  | {
      readonly kind: 'delete'
      readonly with: readonly CommonTable[]
      readonly top: Expression | undefined
      readonly target: DmlTarget
      readonly output: Output | undefined
      readonly from: FromItem | undefined
      readonly where: Expression | undefined
    }
  | {
      readonly kind: 'merge'
      readonly with: readonly CommonTable[]
      readonly target: DmlTarget
      readonly alias: string | undefined
      readonly source: FromItem
      readonly on: Expression
      readonly whens: readonly MergeWhen[]
      readonly output: Output | undefined
    }
  | { readonly kind: 'createTable'; readonly name: ObjectName; readonly body: TableBody }
  | { readonly kind: 'createSchema'; readonly name: string }
  | { readonly kind: 'createDatabase'; readonly name: string; readonly collation: string | undefined }
  | {
      readonly kind: 'createType'
      readonly name: ObjectName
      readonly type: TypeName
      readonly nullable: boolean | undefined
    }
  | {
      readonly kind: 'createIndex'
      readonly name: string
      readonly unique: boolean
      readonly clustered: boolean
      readonly table: ObjectName
      readonly columns: readonly IndexColumn[]
      readonly include: readonly string[]
      readonly filter: IndexFilter | undefined
    }
  | {
      readonly kind: 'drop'
      readonly object: 'table' | 'schema' | 'database' | 'type'
      readonly ifExists: boolean
      readonly names: readonly ObjectName[]
    }
  | { readonly kind: 'dropIndex'; readonly ifExists: boolean; readonly name: string; readonly table: ObjectName }
  | { readonly kind: 'truncate'; readonly name: ObjectName }
  | { readonly kind: 'alterTable'; readonly name: ObjectName; readonly action: AlterAction }
  | { readonly kind: 'alterDatabase'; readonly name: string; readonly option: string; readonly value: string }
  | {
      readonly kind: 'declare'
      readonly variables: readonly {
        readonly name: string
        readonly type: TypeName
        readonly value: Expression | undefined
      }[]
    }
  | { readonly kind: 'declareTable'; readonly name: string; readonly body: TableBody }
  | { readonly kind: 'setVariable'; readonly name: string; readonly value: Expression }
  | { readonly kind: 'setOption'; readonly names: readonly string[]; readonly value: string }
  | { readonly kind: 'setIdentityInsert'; readonly table: ObjectName; readonly on: boolean }
  | { readonly kind: 'setIsolation'; readonly level: string }
  | { readonly kind: 'use'; readonly database: string }
  | {
      readonly kind: 'if'
      readonly condition: Expression
      readonly body: Statement
      readonly otherwise: Statement | undefined
    }
  | { readonly kind: 'while'; readonly condition: Expression; readonly body: Statement }
  | { readonly kind: 'block'; readonly statements: readonly Statement[] }
  | { readonly kind: 'try'; readonly body: readonly Statement[]; readonly handler: readonly Statement[] }
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'return' }
  | { readonly kind: 'print'; readonly value: Expression }
  | { readonly kind: 'throw'; readonly arguments: readonly Expression[] }
  | { readonly kind: 'raiserror'; readonly arguments: readonly Expression[]; readonly options: readonly string[] }
  | { readonly kind: 'begin' | 'commit' | 'rollback' | 'save'; readonly name: string | undefined }
  | {
      readonly kind: 'execute'
      readonly procedure: ObjectName
      readonly returnTo: string | undefined
      readonly arguments: readonly ExecuteArgument[]
    }
  | { readonly kind: 'executeText'; readonly text: Expression }
  | { readonly kind: 'waitfor'; readonly delay: string }
  | {
      readonly kind: 'insertBulk'
      readonly target: ObjectName
      readonly columns: readonly {
        readonly name: string
        readonly type: TypeName
        readonly collation: string | undefined
      }[]
      readonly options: readonly string[]
      /** The order that the rows are said to be in. */
      readonly order: readonly { readonly name: string; readonly descending: boolean }[]
    }
  | { readonly kind: 'empty' }

export interface ExecuteArgument {
  readonly name: string | undefined
  readonly value: Expression
  readonly output: boolean
}

export type Statement = StatementBody & { readonly line: number }
export type StatementOf<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>
