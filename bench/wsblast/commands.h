// commands.h: what each mode of wsblast does. Each prints one line of key=value figures (idle: one for each step) and
// returns the exit code: 0, or 1 where the server ended a connection or sent back something else than it got.
#pragma once

#include <brume/bench/wsblast/options.h>

namespace wsblast {

int run_echo(const Options& options);
int run_fan(const Options& options);
int run_idle(const Options& options);
int run_churn(const Options& options);

// Echo traffic while one more client, a process of its own, is stopped by a signal with megabytes on their way to it.
int run_stopped(const Options& options);

}  // namespace wsblast
