#include <algorithm>
#include <fstream>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include <brume/engine/io/machine_limits.h>

namespace brume::io {

namespace {

// The process's own cgroup (version 2), as a folder below the mount point; empty where there is none.
std::string cgroup_folder() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(3);
  return {};
}

// Calls `read` with each file of that name from the process's cgroup up to the root: every level limits.
template <class F>
void for_each_level(const std::string& name, F&& read) {
  constexpr std::size_t kRootSize = std::string_view("/sys/fs/cgroup").size();
  for (std::string folder = cgroup_folder(); folder.size() >= kRootSize; folder.resize(folder.rfind('/'))) {
    std::string path = folder;
    path.append("/").append(name);
    std::ifstream file(path);
    if (file) read(file);
    if (folder.size() == kRootSize) break;
  }
}

}  // namespace

std::size_t usable_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::size_t cores = 1;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) cores = static_cast<std::size_t>(std::max(CPU_COUNT(&mask), 1));
  for_each_level("cpu.max", [&](std::ifstream& file) {
    std::string quota;
    std::size_t period = 0;
    if (!(file >> quota >> period) || quota == "max" || period == 0) return;
    const std::size_t share = (std::stoull(quota) + period - 1) / period;
    cores = std::clamp<std::size_t>(share, 1, cores);
  });
  return cores;
}

std::size_t usable_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_size = sysconf(_SC_PAGESIZE);
  std::size_t memory =
      pages > 0 && page_size > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_size) : 0;
  for_each_level("memory.max", [&](std::ifstream& file) {
    std::string limit;
    if (!(file >> limit) || limit == "max") return;
    const std::size_t bytes = std::stoull(limit);
    memory = memory == 0 ? bytes : std::min(memory, bytes);
  });
  return memory;
}

Environment::DescriptorLimit descriptor_limits() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  const auto number = [](rlim_t value) { return value == RLIM_INFINITY ? 0 : static_cast<std::size_t>(value); };
  return {number(limit.rlim_cur), number(limit.rlim_max)};
}

}  // namespace brume::io
