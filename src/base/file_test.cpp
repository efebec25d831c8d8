#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace tempera {
namespace {

namespace fs = std::filesystem;

// A fresh folder for each test.
class FileTest : public testing::Test {
 protected:
  FileTest()
      : folder_(fs::temp_directory_path() / fmt::format("tempera_file_test_{}", ::getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~FileTest() override { fs::remove_all(folder_); }
  std::string path(std::string_view name) const { return (folder_ / name).string(); }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

 private:
  fs::path folder_;
};

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(FileTest, WrittenTextIsReadBack) {
  const std::string text = std::string("a\0b", 3) + std::string(300'000, 'x');
  ASSERT_TRUE(write_file(path("f"), text).ok());
  EXPECT_EQ(read_file(path("f")).value(), text);
  EXPECT_EQ(text_of(**MappedFile::open(path("f"))), text);
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, EmptyFilesAreFiles) {
  ASSERT_TRUE(write_file(path("f"), "").ok());
  EXPECT_EQ(read_file(path("f")).value(), "");
  const auto mapped = MappedFile::open(path("f")).value();
  EXPECT_TRUE(mapped->bytes().empty());
  mapped->release_pages(mapped->bytes());
}

TEST_F(FileTest, WithoutCommitTheOldContentStaysAndNothingElse) {
  ASSERT_TRUE(write_file(path("f"), "old").ok());
  {
    AtomicFile file = AtomicFile::create(path("f")).value();
    ASSERT_TRUE(file.write("new").ok());
    EXPECT_EQ(read_file(path("f")).value(), "old");
  }
  EXPECT_EQ(read_file(path("f")).value(), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, TwoWritersOfOneFileDoNotMix) {
  AtomicFile first = AtomicFile::create(path("f")).value();
  AtomicFile second = AtomicFile::create(path("f")).value();
  ASSERT_TRUE(first.write("first").ok());
  ASSERT_TRUE(second.write("second").ok());
  ASSERT_TRUE(second.commit().ok());
  ASSERT_TRUE(first.commit().ok());
  EXPECT_EQ(read_file(path("f")).value(), "first");
  EXPECT_EQ(files(), 1u);
}

TEST_F(FileTest, AMovedFromFileLeavesTheNewOneAlone) {
  AtomicFile first = AtomicFile::create(path("f")).value();
  {
    AtomicFile moved = std::move(first);
    ASSERT_TRUE(moved.write("text").ok());
    ASSERT_TRUE(moved.commit().ok());
  }
  EXPECT_EQ(read_file(path("f")).value(), "text");
}

TEST_F(FileTest, ASymbolicLinkKeepsPointing) {
  ASSERT_TRUE(write_file(path("real"), "old").ok());
  fs::create_symlink("real", path("link"));
  ASSERT_TRUE(write_file(path("link"), "new").ok());
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path("real")).value(), "new");
}

TEST_F(FileTest, AFullDiskIsASentence) {
  const Status status = write_file("/dev/full", "text");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "cannot write /dev/full: no space left on device");
  EXPECT_EQ(status.error().code, ErrorCode::resource_exhausted);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(FileTest, MissingFoldersAndFoldersAreSentences) {
  EXPECT_EQ(write_file(path("no/f"), "").error().code, ErrorCode::not_found);
  EXPECT_EQ(write_file(path(""), "").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(read_file(path("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(read_file(path("")).error().message,
            fmt::format("cannot read {}: is a directory", path("")));
  EXPECT_EQ(MappedFile::open(path("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(MappedFile::open(path("")).error().message,
            fmt::format("cannot read {}: it is a folder, not a file", path("")));
}

TEST_F(FileTest, MappingAPipeReturnsAtOnce) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(path("pipe")).error().code, ErrorCode::invalid_argument);
}

TEST_F(FileTest, ReadingStopsAtTheLimit) {
  ASSERT_TRUE(write_file(path("f"), "12345").ok());
  EXPECT_EQ(read_file(path("f"), 5).value(), "12345");
  EXPECT_EQ(read_file(path("f"), 4).error().code, ErrorCode::resource_exhausted);
  EXPECT_EQ(read_file("/dev/zero", 1 << 20).error().code, ErrorCode::resource_exhausted);
}

TEST_F(FileTest, FilesWithoutAKnownSizeAreReadToTheirEnd) {
  EXPECT_NE(read_file("/proc/self/status").value().find("Pid:"), std::string::npos);
}

TEST_F(FileTest, ReleasedPagesAreReadAgain) {
  const std::string text(1 << 20, 'x');
  ASSERT_TRUE(write_file(path("f"), text).ok());
  const auto file = MappedFile::open(path("f")).value();
  EXPECT_EQ(text_of(*file), text);
  file->release_pages(file->bytes().subspan(1000, 500'000));
  file->release_pages(file->bytes());
  EXPECT_EQ(text_of(*file), text);
  EXPECT_THROW(file->release_pages(std::as_bytes(std::span(text))), InternalError);
}

}  // namespace
}  // namespace tempera
