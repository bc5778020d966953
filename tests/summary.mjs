// Adds up the results of a test run: node tests/summary.mjs RESULTS_FOLDER FILTER PROJECT...
//
// Reads PROJECT.ctrf.json and PROJECT.exit of every project, prints what failed, and ends with "N passed, N failed". A
// project whose tests crashed, hung or were none at all counts as one failure; with a filter, only a whole run without
// tests does.
import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const TIMED_OUT = [124, 137]
const TRACE_LINES = 12
const [folder, filter, ...projects] = process.argv.slice(2)
let passed = 0
let failed = 0
let skipped = 0

function fail(project, title, details) {
  failed++
  console.log(`\nFAILED ${title}`)
  for (const line of details.filter(Boolean).join('\n').split('\n')) {
    console.log(`  ${line}`)
  }
  console.log(`  log: ${relative(process.cwd(), join(folder, `${project}.log`))}`)
}

function readTests(project) {
  const file = join(folder, `${project}.ctrf.json`)
  try {
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).results.tests : undefined
  } catch {
    return undefined // cut off in the middle of writing
  }
}

for (const project of projects) {
  const exitFile = join(folder, `${project}.exit`)
  const exit = existsSync(exitFile) ? Number(readFileSync(exitFile, 'utf8')) : TIMED_OUT[1]
  const tests = readTests(project)
  if (tests === undefined) {
    fail(project, `${project}: no results`, [
      TIMED_OUT.includes(exit) ? 'The tests took too long and were stopped.' : `The test process ended with ${exit}.`,
    ])
    continue
  }

  let failedHere = 0
  for (const test of tests) {
    if (test.status === 'passed') {
      passed++
    } else if (test.status === 'failed') {
      failedHere++
      fail(project, test.name, [test.message, test.trace?.split('\n').slice(0, TRACE_LINES).join('\n')])
    } else {
      skipped++
    }
  }

  if (tests.length === 0 && !filter) {
    fail(project, `${project}: no tests`, ['A project of tests must have tests.'])
  } else if (exit !== 0 && failedHere === 0 && tests.length > 0) {
    fail(project, `${project}: failed outside its tests`, [`The test process ended with ${exit}.`])
  }
}

if (passed + failed === 0) {
  fail(projects[0], 'no test ran', [filter ? `No test's name contains "${filter}".` : 'There are no tests.'])
}

console.log(`\n${skipped > 0 ? `${skipped} skipped\n` : ''}${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
