#include <brume/engine/core/task.h>
#include <brume/engine/core/task_scope.h>

namespace brume::core {

void TaskScope::begin(Task<void> task) {
  on_task_begun(task.address());
  const auto handle = task.release();
  handle.promise().set_root(*this);
  handle.resume();
}

}  // namespace brume::core
