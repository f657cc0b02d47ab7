// intrusive_list.h: a doubly linked list whose links lie in its elements: no allocation, O(1) removal from anywhere.
//
// One thread. An element belongs to its owner, is in at most one list by each link it has, and takes itself out when it
// is destroyed; a list that goes lets its elements go.
#pragma once

#include <cassert>
#include <cstddef>

namespace brume::core {

// Base of an element. `Tag` tells the links of an element apart that is in several lists.
template <class Tag = void>
class ListLink {
 public:
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  // Leaves the list it is in, if any.
  void unlink() {
    if (!next_) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T, class OtherTag>
  friend class IntrusiveList;

  ListLink* next_ = nullptr;
  ListLink* previous_ = nullptr;
};

template <class T, class Tag = void>
class IntrusiveList {
 public:
  using Link = ListLink<Tag>;

  IntrusiveList() { ends_.next_ = ends_.previous_ = &ends_; }
  ~IntrusiveList() {
    while (!empty()) ends_.next_->unlink();
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return ends_.next_ == &ends_; }
  // Null where the list is empty.
  T* front() const { return empty() ? nullptr : static_cast<T*>(ends_.next_); }
  T* back() const { return empty() ? nullptr : static_cast<T*>(ends_.previous_); }

  // Require: the element is in no list by this link.
  void push_front(T& element) { insert(element, *ends_.next_); }
  void push_back(T& element) { insert(element, ends_); }
  T* pop_front() {
    T* const first = front();
    if (first) static_cast<Link*>(first)->unlink();
    return first;
  }

  // Calls `f(T&)` for each; `f` may unlink or destroy the one it was given.
  template <class F>
  void for_each(F&& f) const {
    for (Link* link = ends_.next_; link != &ends_;) {
      Link* const next = link->next_;
      f(*static_cast<T*>(link));
      link = next;
    }
  }

  void check_invariants() const {
    for (const Link* link = &ends_; link->next_ != &ends_; link = link->next_) assert(link->next_->previous_ == link);
  }

 private:
  static void insert(Link& link, Link& before) {
    assert(!link.linked());
    link.next_ = &before;
    link.previous_ = before.previous_;
    before.previous_->next_ = &link;
    before.previous_ = &link;
  }

  mutable Link ends_;  // a link of no element: first's previous and last's next
};

}  // namespace brume::core
