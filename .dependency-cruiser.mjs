// The architecture as rules. Each says why; test/architecture plants a violation of each and sees it found.
import swcVisitor from '@swc/core/Visitor.js';

// The visitor that walks swc's tree does not know `using` and would stop at it.
const { prototype: visitor } = swcVisitor.Visitor ?? swcVisitor;
const { visitStatement } = visitor;
visitor.visitStatement = function (statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  return { ...statement, decls: this.visitVariableDeclarators(statement.decls) };
};

const specs = '[.]spec[.]ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'domain-is-pure',
      comment: 'The rules know events and each other, and nothing that could do I/O: no package, no node module.',
      severity: 'error',
      from: { path: '^src/domain/', pathNot: specs },
      to: { pathNot: '^src/(domain|events)/' },
    },
    {
      name: 'domain-takes-types-of-events',
      comment:
        'What the domain takes from the catalogue are types: schemas and codecs are for those who read and write.',
      severity: 'error',
      from: { path: '^src/domain/', pathNot: specs },
      to: { path: '^src/events/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'events-stand-alone',
      comment: 'What happened does not depend on what is made of it.',
      severity: 'error',
      from: { path: '^src/events/', pathNot: specs },
      to: { path: '^src/', pathNot: '^src/events/' },
    },
    {
      name: 'resources-know-events-only',
      comment: 'The public shapes serve REST and NATS alike, so they know neither.',
      severity: 'error',
      from: { path: '^src/resources/', pathNot: specs },
      to: { path: '^src/', pathNot: '^src/(resources|events)/' },
    },
    {
      name: 'queries-do-not-write',
      comment: 'Write side and read side meet only in events, resources and migrations.',
      severity: 'error',
      from: { path: '^src/queries/', pathNot: specs },
      to: { path: '^src/(commands|domain|projections|processes|publishing)/' },
    },
    {
      name: 'projections-do-not-decide',
      comment: 'A projection writes down what happened; rules would judge it a second time.',
      severity: 'error',
      from: { path: '^src/projections/', pathNot: specs },
      to: { path: '^src/(commands|domain|queries|processes|publishing)/' },
    },
    {
      name: 'commands-do-not-read-tables',
      comment: 'A read model may be behind: a fact that another aggregate owns is read from its stream.',
      severity: 'error',
      from: { path: '^src/commands/', pathNot: specs },
      to: { path: '^src/(queries|projections|publishing|database|infrastructure/postgres[.]ts)' },
    },
    {
      name: 'processes-react',
      comment:
        'A process sends commands and asks queries. How tables follow the log, and who else hears, is not its business.',
      severity: 'error',
      from: { path: '^src/processes/', pathNot: specs },
      to: { path: '^src/(projections|publishing|http|resources|database)/' },
    },
    {
      name: 'processes-are-not-called',
      comment: 'What follows from an event follows from it, whoever appended it: nobody asks a process.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(processes/|app[.]ts$)|${specs}` },
      to: { path: '^src/processes/' },
    },
    {
      name: 'publishing-hears-events-only',
      comment: 'What others hear is made of events, not of tables or rules; how far one is, is shown as everywhere.',
      severity: 'error',
      from: { path: '^src/publishing/', pathNot: specs },
      to: { path: '^src/((commands|domain|queries|projections)/|database/(?!progress-bar[.]ts$))' },
    },
    {
      name: 'credentials-come-from-the-log',
      comment:
        'Who is told a password is told the newest one: tables may be behind, and what shows things to the world has none.',
      severity: 'error',
      from: { path: '^src/credentials/', pathNot: specs },
      to: {
        path: '^src/(commands|queries|projections|processes|publishing|http|resources|database|infrastructure/postgres[.]ts)',
      },
    },
    {
      name: 'presence-decides-and-notes',
      comment:
        'Who is there follows from heartbeats by rules, and is recorded as an event; who shows or publishes it is no concern of it.',
      severity: 'error',
      from: { path: '^src/presence/', pathNot: specs },
      to: { path: '^src/(commands|queries|projections|processes|publishing|credentials|http|resources|database)/' },
    },
    {
      name: 'http-is-plumbing',
      comment: 'The server knows no route: who has routes registers them.',
      severity: 'error',
      from: { path: '^src/http/', pathNot: specs },
      to: { path: '^src/(commands|domain|queries|projections|publishing|database|resources)/' },
    },
    {
      name: 'one-adapter-for-the-event-store',
      comment: 'One place knows the client and its traps.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/infrastructure/event-store(-errors|-bulk-read)?[.]ts$|${specs}` },
      to: { path: '@eventstore/db-client' },
    },
    {
      name: 'one-adapter-for-nats',
      comment: 'One place knows the client and its traps.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: `^src/infrastructure/nats[a-z-]*[.]ts$|${specs}`,
      },
      to: { path: 'node_modules/nats/' },
    },
    {
      name: 'one-adapter-for-postgres',
      comment: 'One place makes the pool, so that every query has the same time-outs, parsers and errors.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/infrastructure/postgres[.]ts$|${specs}` },
      to: { path: 'node_modules/slonik/' },
    },
    {
      name: 'sessions-of-postgres-have-owners',
      comment: 'A driver at hand would be a way around the pool, and a way for commands to read tables.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(infrastructure|projections|database)/|${specs}` },
      to: { path: 'node_modules/(pg|@types/pg)/' },
    },
    {
      name: 'service-without-embedded',
      comment: 'In production the servers run elsewhere: only main.ts may load the embedded ones, when it is asked to.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/main[.]ts$|${specs}` },
      to: { path: '^(embedded|test|bench)/' },
    },
    {
      name: 'main-loads-embedded-when-asked',
      comment: 'A static import would need the embedded servers in every installation.',
      severity: 'error',
      from: { path: '^src/main[.]ts$' },
      to: { path: '^(embedded|test|bench)/', dynamic: false },
    },
    {
      name: 'embedded-without-service',
      comment: 'Client and server must not share bugs.',
      severity: 'error',
      from: { path: '^embedded/', pathNot: specs },
      to: { path: '^(src|test|bench)/' },
    },
    {
      name: 'examples-are-outsiders',
      comment: 'An example shows what anybody can build: on the client and on packages, on nothing of the service.',
      severity: 'error',
      from: { path: '^examples/', pathNot: specs },
      to: { path: '^(src|embedded|migrations|test|tools|bench)/' },
    },
    {
      name: 'examples-are-not-needed',
      comment: 'What is more than an example belongs elsewhere. Tests run them.',
      severity: 'error',
      from: { pathNot: '^(examples|test)/' },
      to: { path: '^examples/' },
    },
    {
      name: 'client-stands-alone',
      comment:
        'It is given to others as a package of its own: it knows the contract, Node and the NATS client, and no more.',
      severity: 'error',
      from: { path: '^client/src/', pathNot: specs },
      to: { pathNot: '^client/src/|node_modules/nats/|^node:|^(assert|buffer|crypto|events|timers)(/|$)' },
    },
    {
      name: 'client-is-for-others',
      comment: 'Service and client must not share bugs: what both need is the contract, which stands in docs/.',
      severity: 'error',
      from: { path: '^(src|embedded)/', pathNot: specs },
      to: { path: '^client/' },
    },
    {
      name: 'no-cycles',
      comment: 'What needs each other is one thing, or has a third in it that wants a name.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'not-resolvable',
      comment: 'An import that leads nowhere would escape every other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no API to parse with; without swc nothing would be read and nothing found.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^client/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
    },
  },
};
