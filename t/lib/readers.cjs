// The host of each URL, one a line, as the URL of WHATWG has it; "!" for none.

'use strict';

const lines = require('fs').readFileSync(0, 'utf8').split('\n');
lines.pop();

process.stdout.write(lines.map((line) => {
    try {
        return new URL(line).hostname + '\n';
    } catch (e) {
        return '!\n';
    }
}).join(''));
