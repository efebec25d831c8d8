#pragma once

#include <string>

#include "base/status.h"

namespace tempera {

// Writes a folder so that a reader or a crash sees the old one or the new, never a part: files go
// into path(), a folder beside it, which commit() moves to its place; without commit() nothing
// stays. A folder that is there already changes places with the new one in one step, where the file
// system can do that. A crash leaves at most the folder "NAME.tmp-...".
class AtomicFolder {
 public:
  static Result<AtomicFolder> create(const std::string& place);
  AtomicFolder(AtomicFolder&& other) noexcept;
  AtomicFolder& operator=(AtomicFolder&&) = delete;
  ~AtomicFolder();
  const std::string& path() const { return path_; }
  Status commit();

 private:
  AtomicFolder(std::string place, std::string path);
  std::string place_;
  std::string path_;  // empty after a move
};

// For a folder that cannot be created or written.
Error folder_error(std::string_view action, const std::string& folder, const std::error_code& code);

}  // namespace tempera
