// Has junit2json read JUnit files, and demands what smtpdx wrote: the same
// cases, and of each failure its message.
//
//   node junit.mjs FILE.xml...
import { parse } from 'junit2json'
import { readFileSync } from 'node:fs'

let faults = 0
for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8')
  const read = await parse(text)
  const cases = read.testsuite.flatMap((s) => s.testcase ?? [])
  const failures = cases.filter((c) => c.failure)
  const wanted = Number(/<testsuites [^>]*tests="(\d+)"/.exec(text)[1])
  const failing = Number(/<testsuites [^>]*failures="(\d+)"/.exec(text)[1])
  if (cases.length !== wanted || failures.length !== failing || failures.some((c) => !c.failure[0].message)) {
    faults++
    console.log(`FAILED ${file}: ${cases.length} cases of ${wanted}, ${failures.length} failures of ${failing}`)
  }
}
console.log(`${process.argv.length - 2} files read by junit2json, ${faults} faults`)
process.exit(faults > 0 ? 1 : 0)
