// figures.h: one line of key=value, "na" for what is not available.
#pragma once

#include <cstdio>
#include <optional>

#include <brume/bench/wsblast/meter.h>
#include <brume/bench/wsblast/options.h>

namespace wsblast {

inline void print_figure(const char* name, std::optional<double> value, int decimals) {
  if (value) {
    std::printf(" %s=%.*f", name, decimals, *value);
  } else {
    std::printf(" %s=na", name);
  }
}

// Prints the figures of echo or fan traffic and ends the line; returns the exit code.
int print_traffic(const char* mode, const Options& options, const TrafficResult& result);

}  // namespace wsblast
